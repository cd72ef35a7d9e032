package membus

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A Net is a backbone and the network around it. Its methods may be called by any goroutine; those of a stepped one, Bus.Start among them, by one at a time,
// and they call Sinks themselves.
type Net struct {
	// TTL is for how long a node keeps its lease without renewing it. To be set before the first Start.
	TTL time.Duration
	// MaxWaiting is how many requests of a bus may wait before it answers ErrFull. To be set before the first Start.
	MaxWaiting int

	stepped bool
	rand    *rand.Rand // of a stepped Net

	// mu guards everything here and in the buses. No Sink is called under it.
	mu           sync.Mutex
	now          time.Time            // of a stepped Net
	buses        []*Bus               // that were started and neither closed nor crashed, in the order of their starts
	named        map[string]*Bus      // the newest of each name
	incarnations []*incarnation       // on the board, in its order
	logs         map[string]*topicLog // by topic
	records      []Record             // of a stepped Net
	places       uint64               // of the board that there were
	made         int                  // counts what needs a name of its own
	timers       map[*time.Timer]struct{}
	closed       bool
}

// The values of New.
const (
	DefaultTTL        = 100 * time.Millisecond
	DefaultMaxWaiting = 1 << 16
	maxMessage        = 1 << 20
	maxKey            = 1 << 10
	maxValue          = 64 << 10
)

// New returns a Net that runs by itself until Close.
func New() *Net {
	return &Net{
		TTL: DefaultTTL, MaxWaiting: DefaultMaxWaiting,
		named: make(map[string]*Bus), logs: make(map[string]*topicLog), timers: make(map[*time.Timer]struct{}),
	}
}

// NewStepped returns a Net in which nothing moves but by Step and Advance. The source decides what moves, and what a fault breaks.
func NewStepped(source *rand.Rand) *Net {
	n := New()
	n.stepped, n.rand, n.TTL = true, source, 15*time.Second
	n.now = time.Unix(1_700_000_000, 0)
	return n
}

// Node returns a new bus for the node of that name, yet to be started. Faults named like it are about the newest one.
func (n *Net) Node(name string) backbone.Bus {
	n.mu.Lock()
	defer n.mu.Unlock()
	b := &Bus{net: n, name: name, attached: make(map[string]*attachment), known: make(map[string]bool), nodes: make(map[string]backbone.Node)}
	b.fresh = sync.NewCond(&n.mu)
	n.named[name] = b
	return b
}

// Close ends all buses, as by a crash.
func (n *Net) Close() {
	n.mu.Lock()
	n.closed = true
	buses := append([]*Bus(nil), n.buses...)
	for _, b := range buses {
		b.end()
	}
	for t := range n.timers {
		t.Stop()
	}
	clear(n.timers)
	n.mu.Unlock()
	for _, b := range buses {
		b.workers.Wait()
	}
}

// clock returns the time of the backbone. Under mu.
func (n *Net) clock() time.Time {
	if n.stepped {
		return n.now
	}
	return time.Now()
}

// after sees to it that what is due d from now is done then. Under mu.
func (n *Net) after(d time.Duration) {
	if n.stepped || n.closed {
		return // Advance does it
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.timers, t)
		if !n.closed {
			n.due()
		}
	})
	n.timers[t] = struct{}{}
}

// due does what the clock demands: leases lapse, and patience ends. Under mu.
func (n *Net) due() {
	now := n.clock()
	for i := 0; i < len(n.incarnations); {
		if c := n.incarnations[i]; !c.lapses.IsZero() && !now.Before(c.lapses) {
			n.giveUp(c)
			continue
		}
		i++
	}
	for _, b := range n.buses {
		b.losePatience(now)
	}
}

// unique returns a name that nothing else has. Under mu.
func (n *Net) unique(prefix string) string {
	n.made++
	return fmt.Sprint(prefix, n.made)
}

// Logs returns what each topic's log keeps, for tests that look at it as nobody else can.
func (n *Net) Logs() map[string]backbone.Tail {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make(map[string]backbone.Tail, len(n.logs))
	for topic, l := range n.logs {
		all[topic] = l.tail(nil, n.clock())
	}
	return all
}
