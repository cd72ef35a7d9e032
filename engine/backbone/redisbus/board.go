package redisbus

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/gannet-io/gannet/engine/backbone"
)

const (
	keepChanges = 20000 // how many a reader may be behind before it has to read everything
	readChanges = 256   // at once
	blockFor    = time.Second
	scanCount   = 1000
)

// A told is what the Sink knows of an incarnation.
type told struct {
	node    backbone.Node
	entries map[string]uint64 // by key, a hash of the value
}

// A board reads the changes and tells them, from one goroutine.
type board struct {
	bus  *Bus
	seed maphash.Seed

	// Any goroutine.
	mu     sync.Mutex
	self   backbone.Node
	nodes  []backbone.Node // as told, by ID
	lost   bool            // self is on the board no more
	stop   func()          // ends the read that is under way
	epoch  string          // that place is of
	place  atomic.Int64    // of the newest change told
	counts struct{ entries, rejoins atomic.Uint64 }

	// Owned by run.
	known   map[string]*told
	joining bool // Rejoin is to be called when self is up
}

func newBoard(b *Bus) *board {
	return &board{bus: b, seed: maphash.MakeSeed(), known: make(map[string]*told), lost: true, stop: func() {}}
}

// newID returns what nothing else is called.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:])) // 16 letters
}

// newEpoch returns an epoch for who finds that one is needed.
func newEpoch() string { return newID()[:10] }

func (b *board) selfID() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.self.ID
}

// fenced says that an incarnation was found not to be on the board any more.
func (b *board) fenced(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id != "" && b.self.ID == id && !b.lost {
		b.lost = true
		b.bus.writer.shut()
		b.stop()
	}
}

// seen says that the board was seen to be of an epoch.
func (b *board) seen(epoch string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.epoch != "" && b.epoch != epoch {
		b.stop()
	}
}

// run is on the board and tells what happens there until ctx ends. ready is called at the first Rejoin.
func (b *board) run(ctx context.Context, ready func(error)) {
	var p pause
	for ctx.Err() == nil {
		err := b.follow(ctx, func() { p = 0; ready(nil) })
		if err == nil || ctx.Err() != nil {
			continue
		}
		if permanent(err) {
			ready(err)
		}
		b.bus.lease.look()
		p.next(ctx.Done())
	}
}

// follow joins if need be, makes itself complete, and tells changes as they come, until something has to begin again.
func (b *board) follow(ctx context.Context, whole func()) error {
	b.mu.Lock()
	lost, epoch := b.lost, b.epoch
	b.mu.Unlock()
	if lost {
		if err := b.join(ctx, epoch); err != nil {
			return err
		}
	}
	now, err := b.look(ctx)
	if err != nil {
		return err
	}
	if now.epoch != epoch {
		self := b.selfID()
		record, here := now.nodes[self]
		if _, ghost := parseNode(self, record); !here || ghost {
			b.fenced(self)
			return nil // join first, so that who was known is not gone
		}
	}
	if now.epoch != epoch || b.place.Load() > now.place || now.place-b.place.Load() > int64(b.bus.keep/2) {
		if err := b.catchUp(ctx, now); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		b.rejoin()
		b.mu.Lock()
		lost, epoch = b.lost, b.epoch
		// Without a deadline of its own the client library gives up at once when it is stopped.
		reading, stop := context.WithCancel(ctx)
		b.stop = stop
		b.mu.Unlock()
		if lost {
			stop()
			return nil
		}
		if !b.joining {
			whole()
		}
		late := time.AfterFunc(blockFor+commandTimeout, stop)
		changes, err := b.read(reading, blockFor)
		late.Stop()
		stopped := reading.Err() != nil
		stop()
		if err != nil && stopped {
			return nil // look, then go on
		}
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.epoch != epoch || c.place != b.place.Load()+1 {
				b.forget() // the changes between are not kept any more
				return nil
			}
			b.tell(c)
			b.place.Store(c.place)
		}
	}
	return nil
}

// forget has everything read anew.
func (b *board) forget() { b.place.Store(1 << 62) }

// join takes a new incarnation. knew is the epoch of the board that was known.
func (b *board) join(ctx context.Context, knew string) error {
	args := []string{newID(), b.bus.config.Name, knew}
	for _, id := range slices.Sorted(maps.Keys(b.known)) {
		n := b.known[id].node
		args = append(args, id, strconv.FormatInt(n.Since.UnixMilli(), 10), n.Name)
	}
	b.mu.Lock()
	before := b.self.ID
	b.mu.Unlock()
	if _, err := b.bus.runBoard(ctx, joinScript, args...); err != nil {
		if outcome(err) == backbone.ErrUnknown {
			b.bus.writer.giveUp(args[0]) // should it be there
		}
		return err
	}
	b.mu.Lock()
	b.self = backbone.Node{ID: args[0], Name: b.bus.config.Name}
	b.lost = false
	b.mu.Unlock()
	b.joining = true
	b.bus.health.report(ofLease, "") // who rejoins may put
	if before != "" {
		b.bus.writer.outlived(before)
		b.counts.rejoins.Add(1)
	}
	return nil
}

// rejoin calls Rejoin when self has been told to be up.
func (b *board) rejoin() {
	self := b.known[b.selfID()]
	if !b.joining || self == nil {
		return
	}
	b.joining = false
	b.mu.Lock()
	b.self = self.node
	lost := b.lost
	b.mu.Unlock()
	if lost {
		return
	}
	b.bus.writer.open(self.node.ID)
	b.bus.sink.Rejoin(self.node)
}

// tell tells a change.
func (b *board) tell(c change) {
	b.bus.sink.At(backbone.Place{Epoch: c.epoch, Number: uint64(c.place)})
	switch c.kind {
	case "u":
		n, _ := parseNode(c.node, c.pairs[1])
		b.up(n)
	case "c":
		for i := 0; i+1 < len(c.pairs); i += 2 {
			b.changed(c.node, c.pairs[i], c.pairs[i+1])
		}
	case "g":
		b.gone(c.node)
	}
}

func (b *board) up(n backbone.Node) {
	if b.known[n.ID] != nil {
		return
	}
	b.known[n.ID] = &told{n, make(map[string]uint64)}
	b.list()
	b.bus.sink.Up(n)
}

// changed tells an entry as it is in Redis: '+' and the value, or '-'.
func (b *board) changed(id, key, value string) {
	t := b.known[id]
	if t == nil || value == "" {
		return
	}
	e := backbone.Entry{Key: key}
	if value[0] == '+' {
		e.Value = bytesOf(value[1:])
		if e.Value == nil {
			e.Value = []byte{}
		}
		t.entries[key] = maphash.String(b.seed, value)
	} else {
		delete(t.entries, key)
	}
	b.counts.entries.Add(1)
	b.bus.sink.Changed(id, e)
}

func (b *board) gone(id string) {
	if b.known[id] == nil {
		return
	}
	delete(b.known, id)
	b.list()
	b.bus.sink.Gone(id)
}

func (b *board) list() {
	nodes := make([]backbone.Node, 0, len(b.known))
	for _, id := range slices.Sorted(maps.Keys(b.known)) {
		nodes = append(nodes, b.known[id].node)
	}
	b.mu.Lock()
	b.nodes = nodes
	b.mu.Unlock()
}

// A change is one of the board's stream.
type change struct {
	place      int64
	epoch      string
	kind, node string
	pairs      []string
}

// read returns the changes that follow place, waiting for them.
func (b *board) read(ctx context.Context, wait time.Duration) ([]change, error) {
	c := b.bus.conn.reads
	r := c.Do(ctx, c.B().Xread().Count(readChanges).Block(wait.Milliseconds()).Streams().Key(b.bus.keys.changes()).Id("0-"+strconv.FormatInt(b.place.Load(), 10)).Build())
	if err := r.Error(); err != nil {
		if rueidis.IsRedisNil(err) {
			return nil, nil
		}
		return nil, err
	}
	m, err := r.ToMessage()
	if err != nil {
		return nil, err
	}
	if m.IsMap() {
		streams, err := m.ToMap()
		if err != nil {
			return nil, err
		}
		return parseChanges(streams[b.bus.keys.changes()])
	}
	streams, err := m.ToArray()
	if err != nil || len(streams) == 0 {
		return nil, err
	}
	pair, err := streams[0].ToArray()
	if err != nil || len(pair) != 2 {
		return nil, err
	}
	return parseChanges(pair[1])
}

var errChange = errors.New("a change of the board cannot be read")

func parseChanges(m rueidis.RedisMessage) ([]change, error) {
	entries, err := m.ToArray()
	if err != nil {
		return nil, err
	}
	changes := make([]change, 0, len(entries))
	for _, e := range entries {
		parts, err := e.ToArray()
		if err != nil || len(parts) != 2 {
			return nil, errors.Join(errChange, err)
		}
		id, err := parts[0].ToString()
		if err != nil {
			return nil, err
		}
		fields, err := parts[1].AsStrSlice()
		if err != nil || len(fields) < 4 || len(fields)%2 != 0 {
			return nil, errors.Join(errChange, err)
		}
		_, number, _ := strings.Cut(id, "-")
		place, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, errChange
		}
		c := change{place: place, epoch: fields[1], kind: fields[2], node: fields[3], pairs: fields[4:]}
		if c.kind == "u" && len(c.pairs) < 2 {
			return nil, errChange
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// parseNode reads a record of the board's nodes: since, '1' if its entries are not there, name.
func parseNode(id, record string) (n backbone.Node, ghost bool) {
	since, rest, _ := strings.Cut(record, " ")
	flag, name, _ := strings.Cut(rest, " ")
	ms, _ := strconv.ParseInt(since, 10, 64)
	return backbone.Node{ID: id, Name: name, Since: time.UnixMilli(ms)}, flag == "1"
}

// runBoard runs one of the board's scripts.
func (b *Bus) runBoard(ctx context.Context, s *script, args ...string) (rueidis.RedisMessage, error) {
	all := append([]string{backbone.BoardEpoch(time.Now()), b.keys.entries(""), strconv.FormatInt(b.config.Lease.Milliseconds(), 10), strconv.Itoa(b.keep)}, args...)
	m, err := b.conn.run(ctx, b.conn.writes, s, b.keys.board(), all)
	if err != nil {
		return m, fmt.Errorf(ofBoard+"%w", err)
	}
	return m, nil
}
