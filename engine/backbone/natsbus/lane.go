package natsbus

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A lane tells the Sink of its share of the topics. All that concerns a topic happens on its lane's goroutine: what comes live, what was
// fetched, what was asked for. Nothing on it waits for the network.
type lane struct {
	bus  *Bus
	live chan *nats.Msg // of all subscriptions
	wake chan struct{}  // has room for one

	mu     sync.Mutex
	posted []func()
	closed bool

	// Owned by the goroutine.
	topics    map[string]*attachment // by topic
	bySubject map[string]*attachment // by each of its subjects
	stopped   chan struct{}
}

// An attachment is a topic that is attached. Owned by its lane, but for what is set once.
type attachment struct {
	topic, token    string
	keep            *backbone.Retention
	stream, subject string // of its log

	plain, news *nats.Subscription

	state state
	gone  bool // detached
	told  bool // Attached was
	again bool // what is being fetched is out of date already

	epoch string
	head  uint64
	seq   uint64    // of the last batch told
	at    time.Time // when something last came
	held  []*batch  // came while older ones were fetched
	over  bool      // too many came
}

type state byte

const (
	attaching state = iota // Attached is to be told
	following              // each batch joins on to the one before
	fetching               // something is missing
)

const (
	laneCount = 4
	laneQueue = 32 << 10
	heldMax   = 4096
)

func newLane(b *Bus) *lane {
	return &lane{
		bus: b, live: make(chan *nats.Msg, laneQueue), wake: make(chan struct{}, 1), stopped: make(chan struct{}),
		topics: make(map[string]*attachment), bySubject: make(map[string]*attachment),
	}
}

func (b *Bus) lane(topic string) *lane { return b.lanes[hash(topic)>>16%laneCount] }

// post has f run on the lane's goroutine, behind what was posted before.
func (l *lane) post(f func()) {
	l.mu.Lock()
	if !l.closed {
		l.posted = append(l.posted, f)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) run() {
	defer close(l.stopped)
	for {
		select {
		case m := <-l.live:
			l.take(m)
		case <-l.wake:
			l.mu.Lock()
			posted, closed := l.posted, l.closed
			l.posted = nil
			l.mu.Unlock()
			if closed {
				return
			}
			for _, f := range posted {
				f()
			}
		}
	}
}

func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	<-l.stopped
}

// take handles a message that came live.
func (l *lane) take(m *nats.Msg) {
	a := l.bySubject[m.Subject]
	if a == nil {
		return // on its way when the topic was detached
	}
	b := l.bus
	b.counts.in.Add(1)
	b.counts.bytesIn.Add(uint64(len(m.Data)))
	if a.plain != nil && m.Sub == a.plain {
		b.sink.Message(a.topic, m.Data)
		return
	}
	if m.Sub != a.news {
		return // of an attachment before this one
	}
	seq, _ := place(m)
	batch, err := parseBatch(m.Data, seq)
	if err != nil {
		b.log.Error("log", "topic", a.topic, "sequence", seq, "error", err)
		return
	}
	a.at = time.Now()
	if a.state == following {
		l.follow(a, batch)
		return
	}
	if len(a.held) >= heldMax {
		a.held, a.over = nil, true
	}
	a.held = append(a.held, batch)
}

// follow tells what is new in a batch, or has fetched what is missing before it.
func (l *lane) follow(a *attachment, k *batch) {
	if k.epoch == a.epoch && k.seq <= a.seq {
		// Fetched before it came. Or the log has lost its end and grows again, which a look at it will show.
		l.fetch(a)
		return
	}
	if k.epoch != a.epoch || k.first > a.head+1 {
		a.held = append(a.held, k)
		l.fetch(a)
		return
	}
	for i, m := range k.messages {
		if offset := k.first + uint64(i); offset > a.head {
			a.head = offset
			l.bus.sink.Stored(a.topic, backbone.Stored{Offset: offset, At: k.at, Message: m})
		}
	}
	a.seq = k.seq
	l.bus.observe(a)
}

// resume tells what was held.
func (l *lane) resume(a *attachment) {
	a.state = following
	held := a.held
	over := a.over
	a.held, a.over = nil, false
	for i, k := range held {
		if k.epoch == a.epoch && k.seq <= a.seq {
			continue
		}
		l.follow(a, k)
		if a.state != following {
			a.held = append(a.held, held[i+1:]...)
			a.over = over
			return
		}
	}
	if over {
		l.fetch(a)
	}
}
