package redisbus

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/gannet-io/gannet/engine/backbone"
)

const (
	fetchers    = 2
	fetchAtOnce = 16
	checkAtOnce = 100
)

// A fetch reads a log: what follows a place, or if that cannot be had without a hole, or from is 0, its tail.
type fetch struct {
	attachment *attachment
	epoch      string
	from       uint64

	joins bool // tail.Stored follows what was told
	tail  backbone.Tail
	since int64 // ms: older messages do not count
}

// A fetcher reads logs for the lanes.
type fetcher struct {
	bus  *Bus
	wake chan struct{} // has room for one for each worker

	mu     sync.Mutex
	queue  []*fetch
	checks [][]*attachment
}

func newFetcher(b *Bus) *fetcher { return &fetcher{bus: b, wake: make(chan struct{}, fetchers)} }

func (f *fetcher) add(one *fetch) {
	f.mu.Lock()
	f.queue = append(f.queue, one)
	f.mu.Unlock()
	poke(f.wake)
}

// check has the places of logs compared, all of one subscription. When many wait already, the next time will do.
func (f *fetcher) check(all []*attachment) {
	f.mu.Lock()
	if len(f.checks) < 1000 {
		f.checks = append(f.checks, all)
	}
	f.mu.Unlock()
	poke(f.wake)
}

func (f *fetcher) next() (batch []*fetch, check []*attachment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.queue), fetchAtOnce)
	batch = f.queue[:n:n]
	if f.queue = f.queue[n:]; len(f.queue) == 0 {
		f.queue = nil
		if n == 0 && len(f.checks) > 0 {
			check = f.checks[0]
			f.checks = f.checks[1:]
		}
	}
	return batch, check
}

// run works until ctx ends. Several do.
func (f *fetcher) run(ctx context.Context) {
	for {
		batch, check := f.next()
		switch {
		case len(batch) > 0:
			poke(f.wake) // there may be more, for another
			f.fetch(ctx, batch)
		case len(check) > 0:
			poke(f.wake)
			f.compare(ctx, check)
		default:
			select {
			case <-f.wake:
			case <-ctx.Done():
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// fetch reads until it has all, or nobody wants it any more.
func (f *fetcher) fetch(ctx context.Context, batch []*fetch) {
	var p pause
	for len(batch) > 0 && ctx.Err() == nil {
		rest := batch[:0]
		done := f.try(ctx, batch)
		for i, one := range batch {
			if done[i] {
				f.bus.lane(one.attachment.topic).push(item{kind: fetched, attachment: one.attachment, fetch: one})
			} else if !one.attachment.detached.Load() {
				rest = append(rest, one)
			}
		}
		if batch = rest; len(batch) > 0 {
			f.bus.lease.look()
			p.next(ctx.Done())
		}
	}
}

// try reads each one in three steps: where the log is, what follows a place, the tail.
func (f *fetcher) try(ctx context.Context, batch []*fetch) (done []bool) {
	b := f.bus
	done = make([]bool, len(batch))
	calls := make([]call, len(batch))
	for i, one := range batch {
		topic := one.attachment.topic
		calls[i] = call{tailScript, []string{b.keys.meta(topic), b.keys.stream(topic)}, []string{newEpoch(), remember(one.attachment.keep)}}
	}
	results := b.conn.runAll(ctx, b.conn.reads, calls)

	var follow, tails []int
	for i, one := range batch {
		answer, err := results[i].ToArray()
		if err != nil || len(answer) != 3 {
			continue
		}
		epoch, _ := answer[0].ToString()
		head, _ := answer[1].AsInt64()
		now, _ := answer[2].AsInt64()
		one.since = 0
		if age := one.attachment.keep.Age; age > 0 {
			one.since = now - age.Milliseconds()
		}
		one.tail = backbone.Tail{Epoch: epoch, Head: uint64(head)}
		one.joins = one.from > 0 && epoch == one.epoch && one.tail.Head+1 >= one.from
		switch {
		case one.joins && one.tail.Head+1 == one.from:
			done[i] = true
		case one.joins:
			follow = append(follow, i)
		default:
			tails = append(tails, i)
		}
	}
	f.read(ctx, batch, follow, func(one *fetch) rueidis.Completed {
		return b.conn.reads.B().Xrange().Key(b.keys.stream(one.attachment.topic)).Start("0-" + strconv.FormatUint(one.from, 10)).End("+").Build()
	}, func(i int, stored []backbone.Stored) {
		one := batch[i]
		if len(stored) == 0 || stored[0].Offset != one.from || !one.settle(stored) {
			one.joins = false
			tails = append(tails, i)
			return
		}
		done[i] = true
	})
	f.read(ctx, batch, tails, func(one *fetch) rueidis.Completed {
		return b.conn.reads.B().Xrevrange().Key(b.keys.stream(one.attachment.topic)).End("+").Start("-").Count(int64(one.attachment.keep.Events)).Build()
	}, func(i int, stored []backbone.Stored) {
		for l, r := 0, len(stored)-1; l < r; l, r = l+1, r-1 {
			stored[l], stored[r] = stored[r], stored[l]
		}
		for len(stored) > 0 && stored[0].At/1e6 < batch[i].since {
			stored = stored[1:]
		}
		if !batch[i].settle(stored) {
			batch[i].tail.Stored = nil
		}
		done[i] = true
	})
	return done
}

// read sends a command for each of some fetches and hands over what the answers hold.
func (f *fetcher) read(ctx context.Context, batch []*fetch, which []int, command func(*fetch) rueidis.Completed, take func(i int, stored []backbone.Stored)) {
	if len(which) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	commands := make([]rueidis.Completed, len(which))
	for n, i := range which {
		commands[n] = command(batch[i])
	}
	for n, r := range f.bus.conn.reads.DoMulti(ctx, commands...) {
		if stored, err := parseStored(r); err == nil {
			take(which[n], stored)
		}
	}
}

// settle takes stored for the end of the log and reports whether it is: without holes, and not older than the head.
func (one *fetch) settle(stored []backbone.Stored) bool {
	for i := 1; i < len(stored); i++ {
		if stored[i].Offset != stored[i-1].Offset+1 {
			return false
		}
	}
	if n := len(stored); n > 0 {
		if stored[n-1].Offset < one.tail.Head {
			return false
		}
		one.tail.Head = stored[n-1].Offset // it may have grown since
	}
	one.tail.Stored = stored
	return true
}

func parseStored(r rueidis.RedisResult) ([]backbone.Stored, error) {
	entries, err := r.AsXRange()
	if err != nil {
		return nil, err
	}
	stored := make([]backbone.Stored, 0, len(entries))
	for _, e := range entries {
		_, place, _ := strings.Cut(e.ID, "-")
		offset, err := strconv.ParseUint(place, 10, 64)
		if err != nil {
			return nil, err
		}
		at, err := strconv.ParseInt(e.FieldValues["a"], 10, 64)
		if err != nil {
			return nil, err
		}
		stored = append(stored, backbone.Stored{Offset: offset, At: at * int64(time.Microsecond), Message: bytesOf(e.FieldValues["m"])})
	}
	return stored, nil
}

// compare tells the lanes where logs are.
func (f *fetcher) compare(ctx context.Context, all []*attachment) {
	b := f.bus
	one := call{script: headsScript}
	for _, a := range all {
		one.keys = append(one.keys, b.keys.meta(a.topic))
		one.args = append(one.args, remember(a.keep))
	}
	answer, err := b.conn.runAll(ctx, b.conn.reads, []call{one})[0].ToArray()
	if err != nil || len(answer) != 2*len(all) {
		return // the next time
	}
	for i, a := range all {
		epoch, _ := answer[2*i].ToString()
		head, _ := answer[2*i+1].AsInt64()
		b.lane(a.topic).push(item{kind: headed, attachment: a, epoch: epoch, stored: backbone.Stored{Offset: uint64(head)}})
	}
}
