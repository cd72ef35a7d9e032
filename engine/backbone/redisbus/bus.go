package redisbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/redis/rueidis"

	"github.com/gannet-io/gannet/engine/backbone"
)

// lanes is how many goroutines tell of topics.
const lanes = 4

// A Bus is a backbone.Bus over Redis. Made by New, started once.
type Bus struct {
	config  Config
	keys    keys
	id      string // of this Bus: what it sends carries it
	sharded bool   // a queue and a connection for each partition, and sharded channels

	sink       backbone.Sink
	conn       connection
	health     *health
	board      *board
	writer     *writer
	lease      *lease
	fetcher    *fetcher
	lanes      []*lane
	publishers []*publisher
	appenders  []*appender
	subs       []*subscription
	room       room
	keep       int // changes of the board

	waitingPuts                atomic.Int64
	in, out, bytesIn, bytesOut atomic.Uint64
	open                       atomic.Bool // conn does not change any more

	reconnects, refetched, spills, strange atomic.Uint64

	stop    context.CancelFunc
	workers sync.WaitGroup
	mu      sync.Mutex
	started bool
	closed  bool
}

var _ backbone.Bus = (*Bus)(nil)

// New returns a Bus yet to be started, or says what is wrong with c.
func New(c Config) (*Bus, error) {
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if strings.ContainsAny(c.Prefix, "{}") {
		return nil, errors.New("redisbus: braces in the prefix")
	}
	if c.Name == "" {
		return nil, errors.New("redisbus: the node needs a name")
	}
	if c.Lease == 0 {
		c.Lease = defaultLease
	}
	if c.CheckEvery == 0 {
		c.CheckEvery = defaultCheckEvery
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = defaultMaxWaiting
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p, err := c.parse()
	if err != nil {
		return nil, err
	}
	b := &Bus{config: c, keys: newKeys(c.Prefix, p.database), id: newID(), sharded: p.mode == rueidis.ClientModeCluster, conn: connection{place: p}, health: newHealth(), keep: keepChanges}
	b.room.max = int64(c.MaxWaiting)
	b.board, b.writer, b.lease, b.fetcher = newBoard(b), newWriter(b), newLease(b), newFetcher(b)
	for range lanes {
		b.lanes = append(b.lanes, newLane(b))
	}
	if b.sharded {
		for i := range partitions {
			b.subs = append(b.subs, newSubscription(b, i))
			b.publishers = append(b.publishers, newPublisher(b))
			b.appenders = append(b.appenders, newAppender(b))
		}
	} else {
		b.subs = []*subscription{newSubscription(b, -1)}
		b.publishers = []*publisher{newPublisher(b)}
		b.appenders = []*appender{newAppender(b)}
	}
	return b, nil
}

// Start implements backbone.Bus. While Redis cannot be reached it goes on trying; what Redis refuses it returns at once.
func (b *Bus) Start(ctx context.Context, s backbone.Sink) error {
	b.mu.Lock()
	if b.started || b.closed {
		b.mu.Unlock()
		return errors.New("redisbus: started before")
	}
	b.started = true
	b.sink = s
	running, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.mu.Unlock()

	var p pause
	for {
		err := b.conn.open(ctx)
		if err == nil {
			break
		}
		if permanent(err) {
			return fmt.Errorf("redisbus: %s: %w", strings.Join(b.conn.place.addrs, ","), err)
		}
		if p.next(ctx.Done()); ctx.Err() != nil {
			return fmt.Errorf("redisbus: %s: %w", strings.Join(b.conn.place.addrs, ","), err)
		}
	}
	b.open.Store(true)
	if b.conn.evicts != "" {
		b.config.Log.Warn("Redis may throw away members and histories when it is full: set maxmemory-policy to noeviction", "maxmemory_policy", b.conn.evicts)
	}
	for _, l := range b.lanes {
		b.workers.Go(func() { l.run(running) })
	}
	for range fetchers {
		b.workers.Go(func() { b.fetcher.run(running) })
	}
	for i := range b.subs {
		b.workers.Go(func() { b.subs[i].run(running) })
		b.workers.Go(func() { b.publishers[i].run(running) })
		b.workers.Go(func() { b.appenders[i].run(running, max(1, appending/len(b.subs))) })
	}
	b.health.report(ofStart, "")
	b.workers.Go(func() { b.health.run(running, s) })
	b.workers.Go(func() { b.lease.run(running) })
	b.workers.Go(func() { b.writer.run(running) })
	ready := make(chan error, 1)
	b.workers.Go(func() {
		b.board.run(running, func(err error) {
			select {
			case ready <- err:
			default:
			}
		})
	})
	var err error
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
		if why := b.health.reason(); why != "" {
			err = fmt.Errorf("%s: %w", why, err)
		}
	}
	if err != nil {
		stop()
		b.workers.Wait()
		b.conn.close()
		return fmt.Errorf("redisbus: %s: %w", strings.Join(b.conn.place.addrs, ","), err)
	}
	return nil
}

// Close implements backbone.Bus.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	started := b.started
	b.mu.Unlock()
	if !started || b.conn.writes == nil {
		return nil
	}
	b.drain(ctx)
	b.stop()
	b.workers.Wait()
	_, err := b.runBoard(ctx, leaveScript, b.writer.left(b.board.selfID())...)
	b.conn.close()
	return err
}

// drain waits a moment until what was handed over is sent, if it can be.
func (b *Bus) drain(ctx context.Context) {
	t := time.NewTicker(2 * time.Millisecond)
	defer t.Stop()
	late := time.After(2 * time.Second)
	for b.health.writable.Load() && (b.room.messages.Load() > 0 || b.waitingPuts.Load() > 0) {
		select {
		case <-t.C:
		case <-late:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (b *Bus) lane(topic string) *lane { return b.lanes[partition(topic)%lanes] }

// share returns which of the queues and connections a topic belongs to.
func (b *Bus) share(topic string) int {
	if b.sharded {
		return partition(topic)
	}
	return 0
}

func (b *Bus) publishCommand() string {
	if b.sharded {
		return "SPUBLISH"
	}
	return "PUBLISH"
}

// Attach implements backbone.Bus.
func (b *Bus) Attach(topic string, keep *backbone.Retention) {
	if keep != nil {
		k := *keep
		keep = &k
	}
	s := b.subs[b.share(topic)]
	a := &attachment{topic: topic, keep: keep, subscription: s}
	b.lane(topic).push(item{kind: attach, attachment: a})
	s.want(topic, a)
}

// Detach implements backbone.Bus.
func (b *Bus) Detach(topic string) {
	b.lane(topic).push(item{kind: detach, topic: topic})
	b.subs[b.share(topic)].want(topic, nil)
}

// refuse says why nothing can be handed over now, or nil.
func (b *Bus) refuse(size int) error {
	switch {
	case size > maxMessage:
		return backbone.ErrTooLarge
	case !b.health.writable.Load():
		return backbone.ErrUnavailable
	case b.room.full():
		return backbone.ErrFull
	}
	return nil
}

// Publish implements backbone.Bus.
func (b *Bus) Publish(topic string, msg []byte) func() error {
	if err := b.refuse(len(msg)); err != nil {
		return failed(err)
	}
	p := &pending{topic: topic, msg: msg, until: time.Now().Add(backbone.PatienceMax), done: make(chan error, 1)}
	if !b.publishers[b.share(topic)].add(p) {
		return failed(backbone.ErrUnavailable)
	}
	return p.wait
}

// Append implements backbone.Bus.
func (b *Bus) Append(topic string, keep *backbone.Retention, msg []byte) func() error {
	if err := b.refuse(len(msg)); err != nil {
		return failed(err)
	}
	p := &pending{topic: topic, msg: msg, keep: keep, until: time.Now().Add(backbone.PatienceMax), done: make(chan error, 1)}
	if !b.appenders[b.share(topic)].add(p) {
		return failed(backbone.ErrUnavailable)
	}
	return p.wait
}

// Full implements backbone.Bus.
func (b *Bus) Full() bool { return b.room.full() }

// Put implements backbone.Bus.
func (b *Bus) Put(entries []backbone.Entry) func() error {
	for i := range entries {
		if len(entries[i].Key) > maxKey || len(entries[i].Value) > maxValue {
			return failed(backbone.ErrTooLarge)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if !b.health.writable.Load() {
		return failed(backbone.ErrUnavailable)
	}
	p := &write{pending: pending{until: time.Now().Add(backbone.PatienceMax), done: make(chan error, 1)}, entries: entries}
	if !b.writer.add(p) {
		return failed(backbone.ErrUnavailable)
	}
	return p.wait
}

// Settled implements backbone.Bus.
func (b *Bus) Settled() { b.writer.settled() }

// receive takes what came on a channel.
func (b *Bus) receive(channel, text string) {
	p := 0
	if at := len(b.keys.channel) + 1; len(channel) > at+1 {
		p = int(channel[at] - '0')
		if channel[at+1] != '}' {
			p = 10*p + int(channel[at+1]-'0')
		}
	}
	topic, ok := b.keys.topic(channel, p)
	if !ok || text == "" {
		b.strange.Add(1)
		return
	}
	i, ok := item{topic: topic}, false
	switch text[0] {
	case 'm':
		if len(text) > len(b.id) {
			if text[1:1+len(b.id)] == b.id {
				return // our own
			}
			i.kind, i.text, ok = message, bytesOf(text[1+len(b.id):]), true
			b.in.Add(1)
			b.bytesIn.Add(uint64(len(i.text)))
		}
	case 'l':
		i.kind = record
		i.epoch, i.stored, ok = parseRecord(text[1:])
	}
	if !ok {
		b.strange.Add(1)
		return
	}
	b.lane(topic).push(i)
}

// bytesOf returns the bytes of s, which must not be changed; nobody does, since messages are shared.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
