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
	batchTopics = 64 // logs written in one go
	appending   = 3  // how many such go out at once, of different logs; on a Redis Cluster each of the shares has one
	scriptMsgs  = 64 // messages of one log in one script
	scriptBytes = 256 << 10
	rememberLog = time.Hour // beyond its messages: for as long who comes back hears that nothing was missed
)

// An appender writes logs. Of each log one script is under way; what comes meanwhile goes together into the next.
type appender struct {
	bus  *Bus
	wake chan struct{} // has room for one

	mu     sync.Mutex
	number uint64
	queues map[string][]*pending // by topic
	ready  []string              // topics with a queue of which nothing is under way, in their order
	closed bool
}

func newAppender(b *Bus) *appender {
	return &appender{bus: b, wake: make(chan struct{}, 1), queues: make(map[string][]*pending)}
}

func (o *appender) add(p *pending) bool {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return false
	}
	o.bus.room.take(p)
	o.number++
	p.number = o.number
	q, queued := o.queues[p.topic]
	o.queues[p.topic] = append(q, p)
	if !queued {
		o.ready = append(o.ready, p.topic)
	}
	o.mu.Unlock()
	poke(o.wake)
	return true
}

// next returns what goes out in one go: the first messages of each of some topics. They stay queued, and the topics are not ready until settle.
func (o *appender) next() (batches [][]*pending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	total := 0
	for _, topic := range o.ready {
		if len(batches) == batchTopics || total >= batchBytes {
			break
		}
		q := o.queues[topic]
		n, bytes := 0, 0
		for n < len(q) && n < scriptMsgs && bytes < scriptBytes && (n == 0 || *q[n].keep == *q[0].keep) {
			bytes += len(q[n].msg)
			n++
		}
		total += bytes
		batches = append(batches, q[:n:n])
	}
	if o.ready = o.ready[len(batches):]; len(o.ready) > 0 {
		poke(o.wake) // for another worker
	}
	return batches
}

// settle takes the first n messages of a topic off its queue, and puts the topic behind the others.
func (o *appender) settle(topic string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if q := o.queues[topic][n:]; len(q) > 0 {
		o.queues[topic] = q
		o.ready = append(o.ready, topic)
	} else {
		delete(o.queues, topic)
	}
}

func (o *appender) run(ctx context.Context, workers int) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { o.work(ctx) })
	}
	all.Wait()
	o.stop()
}

func (o *appender) work(ctx context.Context) {
	var p pause
	for {
		batches := o.next()
		if len(batches) == 0 {
			select {
			case <-o.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		if o.send(ctx, batches) {
			p = 0
		} else if p.next(ctx.Done()); ctx.Err() != nil {
			return
		}
	}
}

func (o *appender) stop() {
	o.mu.Lock()
	o.closed = true
	queues := o.queues
	o.queues, o.ready = nil, nil
	o.mu.Unlock()
	for _, q := range queues {
		for _, p := range q {
			o.finish(p, backbone.ErrUnavailable)
		}
	}
}

// finish answers p, with ErrUnknown for an error if it may have been stored.
func (o *appender) finish(p *pending, err error) {
	b := o.bus
	if err == nil {
		b.out.Add(1)
		b.bytesOut.Add(uint64(len(p.msg)))
	} else if p.tried {
		err = backbone.ErrUnknown
	}
	b.room.free(p)
	p.answer(err)
}

// send writes batches and reports whether all of them came to an end.
func (o *appender) send(ctx context.Context, batches [][]*pending) (all bool) {
	b := o.bus
	calls := make([]call, 0, len(batches))
	for _, batch := range batches {
		calls = append(calls, o.call(batch))
	}
	results := b.conn.runAll(ctx, b.conn.writes, calls)
	all = true
	for i, batch := range batches {
		n := o.judge(batch, results[i].Error())
		all = all && n == len(batch)
		o.settle(batch[0].topic, n)
	}
	return all
}

// judge answers those of a batch whose outcome err decides and returns how many they are, from the first one on.
func (o *appender) judge(batch []*pending, err error) (n int) {
	b := o.bus
	if err == nil {
		for _, p := range batch {
			o.finish(p, nil)
		}
		return len(batch)
	}
	again := broken(err) || passing(err)
	if again {
		b.lease.look()
	}
	for _, p := range batch {
		p.tried = p.tried || outcome(err) == backbone.ErrUnknown
	}
	now := time.Now()
	for _, p := range batch {
		// Who has not been tried yet surely is not stored, and nothing promises that he can be soon.
		if again && now.Before(p.until) && (p.tried || b.health.writable.Load()) {
			break
		}
		o.finish(p, backbone.ErrUnavailable)
		n++
	}
	return n
}

// passing reports whether an answer of Redis is about a state that passes by itself within moments: another primary, a slot on its way.
func passing(err error) bool {
	e, ok := answered(err)
	if !ok {
		return false
	}
	_, moved := e.IsMoved()
	_, ask := e.IsAsk()
	return moved || ask || e.IsTryAgain() || e.IsClusterDown() || e.IsLoading() || strings.HasPrefix(e.Error(), "READONLY") || strings.HasPrefix(e.Error(), "BUSY ")
}

func (o *appender) call(batch []*pending) call {
	b, topic, keep := o.bus, batch[0].topic, batch[0].keep
	args := make([]string, 0, 6+2*len(batch))
	args = append(args, newEpoch(), b.keys.messages(topic), b.publishCommand(), strconv.Itoa(keep.Events), millis(keep.Age), remember(keep))
	for _, p := range batch {
		args = append(args, strconv.FormatUint(p.number, 10), rueidis.BinaryString(p.msg))
	}
	return call{appendScript, []string{b.keys.meta(topic), b.keys.stream(topic), b.keys.writer(topic, b.id)}, args}
}

func millis(d time.Duration) string {
	if d <= 0 {
		return "0"
	}
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10)
}

// remember is for how many ms a log's place is kept when nothing happens.
func remember(keep *backbone.Retention) string {
	if keep.Age <= 0 {
		return "0"
	}
	return millis(keep.Age + rememberLog)
}
