package natsbus

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gannet-io/gannet/engine/backbone"
)

// Attach asks for a topic's messages.
func (b *Bus) Attach(topic string, keep *backbone.Retention) {
	a := &attachment{topic: topic, token: token(topic)}
	if keep != nil {
		k := *keep
		a.keep = &k
		a.stream, a.subject = b.logOf(topic, a.token)
	}
	l := b.lane(topic)
	l.post(func() { l.attach(a) })
}

// Detach undoes Attach.
func (b *Bus) Detach(topic string) {
	l := b.lane(topic)
	l.post(func() { l.detach(topic) })
}

func (l *lane) attach(a *attachment) {
	if l.topics[a.topic] != nil {
		l.detach(a.topic)
	}
	l.topics[a.topic] = a
	b := l.bus
	subscribe := func(subject string) *nats.Subscription {
		sub, err := b.conn.ChanSubscribe(subject, l.live)
		if err != nil {
			// Only when the connection is closed for good.
			b.log.Error("subscribe", "topic", a.topic, "error", err)
			return nil
		}
		l.bySubject[subject] = a
		return sub
	}
	a.plain = subscribe(b.messages(a.token))
	if a.keep != nil {
		a.news = subscribe(b.news(a.token))
	}
	b.attacher.add(l, a)
}

func (l *lane) detach(topic string) {
	a := l.topics[topic]
	if a == nil {
		return
	}
	a.gone = true
	delete(l.topics, topic)
	for _, sub := range []*nats.Subscription{a.plain, a.news} {
		if sub != nil {
			delete(l.bySubject, sub.Subject)
			sub.Unsubscribe()
		}
	}
	a.held = nil
}

// fetch has the end of a's log read, behind what was told of it.
func (l *lane) fetch(a *attachment) {
	if a.state != following {
		a.again = true
		return
	}
	a.state = fetching
	l.bus.attacher.read(l, a)
}

// suspect has everything looked at again, since messages may have been missed; with lost, also those that cannot be fetched.
func (l *lane) suspect(lost bool) {
	l.post(func() {
		for _, a := range l.topics {
			switch {
			case a.keep != nil:
				l.fetch(a)
			case lost && a.told:
				l.bus.attacher.add(l, a)
			}
		}
	})
}

func (b *Bus) suspectAll(lost bool) {
	for _, l := range b.lanes {
		l.suspect(lost)
	}
}

// An attacher takes topics that were subscribed to past the barrier and reads the ends of their logs.
type attacher struct {
	bus  *Bus
	wake chan struct{} // has room for one
	slot chan struct{} // one for each read that may be under way
	all  sync.WaitGroup

	mu     sync.Mutex
	queue  []attached
	closed bool
	done   chan struct{}
}

type attached struct {
	lane *lane
	a    *attachment
}

func newAttacher(b *Bus) *attacher {
	return &attacher{bus: b, wake: make(chan struct{}, 1), slot: make(chan struct{}, 64), done: make(chan struct{})}
}

func (t *attacher) add(l *lane, a *attachment) {
	t.mu.Lock()
	t.queue = append(t.queue, attached{l, a})
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run takes what came while the last barrier was passed past the next one.
func (t *attacher) run() {
	b := t.bus
	for failures := 0; ; {
		select {
		case <-t.done:
			return
		case <-t.wake:
		}
		t.mu.Lock()
		queue := t.queue
		t.queue = nil
		t.mu.Unlock()
		if len(queue) == 0 {
			continue
		}
		if !b.health.isConnected() || b.barrier.pass() != nil {
			t.mu.Lock()
			t.queue = append(queue, t.queue...)
			t.mu.Unlock()
			failures = min(failures+1, 10)
			t.later(time.Duration(failures) * 50 * time.Millisecond)
			continue
		}
		failures = 0
		for _, q := range queue {
			if q.a.keep == nil {
				q.lane.post(func() { q.lane.attached(q.a) })
			} else {
				q.lane.post(func() { t.read(q.lane, q.a) })
			}
		}
	}
}

func (t *attacher) later(d time.Duration) {
	time.AfterFunc(d, func() {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	})
}

// attached tells that a topic without a log is attached.
func (l *lane) attached(a *attachment) {
	if a.gone {
		return
	}
	a.state, a.told = following, true
	l.bus.sink.Attached(a.topic, backbone.Tail{})
}

// read reads the end of a's log, as often as it takes, and posts it to the lane. On the lane.
func (t *attacher) read(l *lane, a *attachment) {
	if a.gone || !t.begin() {
		return
	}
	from, epoch, head := a.seq, a.epoch, a.head
	if a.state == attaching {
		from = 0
	}
	go func() {
		defer t.all.Done()
		tries := 0
		for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
			select {
			case t.slot <- struct{}{}:
			case <-t.done:
				return
			}
			tail, err := t.bus.tail(a, from, epoch, head)
			<-t.slot
			if tries++; err == nil || errors.Is(err, errBehind) && tries > behindTries {
				l.post(func() { l.joined(a, tail) })
				return
			}
			select {
			case <-t.done:
				return
			case <-time.After(wait + rand.N(wait)):
			}
			if !l.wanted(a) {
				return
			}
		}
	}()
}

func (t *attacher) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.all.Add(1)
	return true
}

func (t *attacher) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	close(t.done)
	t.all.Wait()
}

// wanted asks the lane whether a is still attached.
func (l *lane) wanted(a *attachment) bool {
	answer := make(chan bool, 1)
	l.post(func() { answer <- !a.gone })
	select {
	case wanted := <-answer:
		return wanted
	case <-l.stopped:
		return false
	}
}

// A tail is the end of a log, as it was read: batches without holes.
type tail struct {
	batches []*batch // the last one at the head, there is always one
}

// tail reads the end of a's log: what follows the sequence from, which has the head of the epoch given, or, if that does not join on, or from is 0, as
// much as a is to keep. A log that is empty gets an epoch.
func (b *Bus) tail(a *attachment, from uint64, epoch string, head uint64) (tail, error) {
	last, err := b.end(a.stream, a.subject)
	if err != nil {
		return tail{}, err
	}
	if last.epoch == epoch && (last.head() < head || last.seq < from) {
		// The log has lost what was told. Its places will be given again, so they must be of another epoch. A leader that
		// has been deposed and does not know sees less, too, but it cannot write.
		if last, err = b.renew(a.stream, a.subject, last); err != nil {
			return tail{}, err
		}
	}
	if from > 0 && last.epoch == epoch {
		t, err := b.run(a, from+1, last)
		if err != nil || t.batches[0].first <= head+1 {
			return t, err
		}
	}
	return b.run(a, 1, last)
}

// run reads the batches from a sequence on that lead without holes to last, no more than are to be kept.
func (b *Bus) run(a *attachment, from uint64, last *batch) (tail, error) {
	if from >= last.seq || last.first == 1 || len(last.messages) >= a.keep.Events {
		return tail{[]*batch{last}}, nil
	}
	var t tail
	count := 0
	err := b.readUpTo(a.stream, a.subject, from, last.seq, func(k kept) {
		next, err := parseBatch(k.data, k.seq)
		if err != nil || next.epoch != last.epoch {
			t.batches, count = nil, 0
			return
		}
		if n := len(t.batches); n > 0 && next.first != t.batches[n-1].head()+1 {
			t.batches, count = nil, 0
		}
		t.batches = append(t.batches, next)
		for count += len(next.messages); count-len(t.batches[0].messages) >= a.keep.Events && len(t.batches) > 1; t.batches = t.batches[1:] {
			count -= len(t.batches[0].messages)
		}
	})
	if err != nil {
		return tail{}, err
	}
	if n := len(t.batches); n == 0 || t.batches[n-1].seq != last.seq {
		return tail{}, errors.New("the end of a log moved")
	}
	if from == 1 && t.batches[0].first > 1 && count < a.keep.Events {
		return t, b.oldest(a, t.batches[0])
	}
	return t, nil
}

// oldest returns errBehind unless first is the oldest batch of its epoch that a's log has. A replica that has not caught up with the others
// answers as if what it lacks had been removed.
func (b *Bus) oldest(a *attachment, first *batch) error {
	k, err := b.nextOf(a.stream, a.subject, 1)
	if err != nil {
		return err
	}
	if k.seq >= first.seq {
		return nil
	}
	if older, err := parseBatch(k.data, k.seq); err != nil || older.epoch != first.epoch {
		return nil // what was before this epoch does not join on
	}
	return errBehind
}

// errBehind says of a tail that a replica gave less than there is.
var errBehind = errors.New("a replica has not caught up")

// behindTries is how often such a tail is read again before it is taken for the truth.
const behindTries = 12

// end returns the last batch of a log. It makes the first one, with an epoch, when there is none.
func (b *Bus) end(stream, subject string) (*batch, error) {
	k, err := b.lastOf(stream, subject)
	if err == nil {
		return parseBatch(k.data, k.seq)
	}
	if !errors.Is(err, errNone) {
		return nil, err
	}
	return b.mark(stream, subject, &batch{epoch: newEpoch(), first: 1}, 0)
}

// renew begins a new epoch behind last.
func (b *Bus) renew(stream, subject string, last *batch) (*batch, error) {
	k, err := b.mark(stream, subject, &batch{epoch: newEpoch(), first: 1}, last.seq)
	if err == nil {
		b.log.Warn("a log has lost messages and begins a new epoch", "subject", subject, "head", last.head())
	}
	return k, err
}

// mark writes a batch without messages behind the sequence last.
func (b *Bus) mark(stream, subject string, k *batch, last uint64) (*batch, error) {
	k.id, k.at = rand.Uint64(), time.Now().UnixNano()
	seq, err := acked(b.requests.do(write(subject, last, k.append(nil)), attempt))
	if err != nil {
		return nil, err
	}
	k.seq = seq
	return k, nil
}

// newEpoch returns an epoch that never was.
func newEpoch() string { return newID(10) }

// joined tells what was read.
func (l *lane) joined(a *attachment, t tail) {
	if a.gone {
		return
	}
	b := l.bus
	last := t.batches[len(t.batches)-1]
	if a.again {
		a.again = false
		l.bus.attacher.read(l, a)
		return
	}
	if a.state != attaching && last.epoch == a.epoch && t.batches[0].first <= a.head+1 {
		before := a.head
		for _, k := range t.batches {
			if k.seq > a.seq {
				l.follow(a, k)
			}
		}
		b.counts.refetched.Add(a.head - before)
		l.resume(a)
		return
	}
	told := backbone.Tail{Epoch: last.epoch, Head: last.head()}
	oldest := int64(0)
	if a.keep.Age > 0 {
		oldest = time.Now().Add(-a.keep.Age).UnixNano()
	}
	for _, k := range t.batches {
		for i, m := range k.messages {
			if offset := k.first + uint64(i); offset+uint64(a.keep.Events) > told.Head && k.at > oldest {
				told.Stored = append(told.Stored, backbone.Stored{Offset: offset, At: k.at, Message: m})
			}
		}
	}
	a.epoch, a.head, a.seq, a.told, a.at = last.epoch, told.Head, last.seq, true, time.Now()
	b.observe(a)
	b.sink.Attached(a.topic, told)
	l.resume(a)
}
