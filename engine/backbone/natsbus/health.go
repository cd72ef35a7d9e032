package natsbus

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A health knows whether the backbone can be reached, and tells it. It can be reached while there is a connection, records of this node get onto
// the board, and the embedded server is connected with another one if it is to be.
type health struct {
	bus     *Bus
	patient time.Duration // for how long no record may be written before that means something
	up      atomic.Bool
	online  atomic.Bool

	wake    chan struct{} // has room for one
	done    chan struct{}
	stopped chan struct{}
	running bool

	mu      sync.Mutex
	ack     time.Time
	alone   bool     // no route to another server
	few     bool     // none, or too few, to those that keep the board
	keepers []string // servers that keep the board; none: not known
	doubt   bool     // messages may have been missed since the last State(true)
	failure error    // why there is no connection, if that is known
	reason  string
}

func newHealth(b *Bus) *health {
	return &health{
		bus: b, patient: min(10*time.Second, b.config.Lease*2/3), reason: "not started",
		wake: make(chan struct{}, 1), done: make(chan struct{}), stopped: make(chan struct{}),
	}
}

func (h *health) isConnected() bool { return h.online.Load() }

// connected says whether there is a connection.
func (h *health) connected(is bool) {
	h.online.Store(is)
	if is {
		h.mu.Lock()
		h.failure = nil
		h.mu.Unlock()
	} else {
		h.doubted()
	}
	h.judge()
}

// failed says why there is no connection.
func (h *health) failed(err error) {
	h.mu.Lock()
	h.failure = err
	h.mu.Unlock()
	h.judge()
}

// trouble returns why there is no connection; nil: that is not known.
func (h *health) trouble() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failure
}

// doubted says that messages may have been missed.
func (h *health) doubted() {
	h.mu.Lock()
	h.doubt = true
	h.mu.Unlock()
}

// acked says that a record has been written just now.
func (h *health) acked() {
	h.mu.Lock()
	h.ack = time.Now()
	if h.alone {
		h.alone = len(h.bus.server.remotes()) == 0 // it was when that was last looked at
	}
	h.mu.Unlock()
	if !h.up.Load() {
		h.judge()
	}
}

// judge decides.
func (h *health) judge() {
	var last error
	if h.bus.connected.Load() && !h.online.Load() {
		last = h.bus.conn.LastError() // the library tells of some errors only there
	}
	h.mu.Lock()
	if last != nil {
		h.failure = last
	}
	switch silent := time.Since(h.ack); {
	case !h.online.Load():
		h.reason = "not connected to nats"
		if h.failure != nil {
			h.reason += ": " + strings.TrimPrefix(h.failure.Error(), "nats: ")
		}
	case h.ack.IsZero():
		h.reason = "not on the board yet"
	case h.alone:
		h.reason = "no connection to another node"
	case h.few && silent > h.bus.config.Lease/4: // in which a renewal has failed
		h.reason = "no connection to most of the nodes that keep data"
	case silent > h.patient:
		h.reason = fmt.Sprintf("jetstream takes no writes, for %d s", int(silent.Seconds()))
	default:
		h.reason = ""
	}
	up := h.reason == ""
	h.doubt = h.doubt || !up && !h.ack.IsZero()
	changed := h.up.Swap(up) != up
	h.mu.Unlock()
	if changed {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// run tells of changes, until close.
func (h *health) run() {
	defer close(h.stopped)
	tick := time.NewTicker(min(250*time.Millisecond, h.patient/8))
	defer tick.Stop()
	told := false
	seen := make(map[string]bool) // servers, and whether they are connected
	for {
		select {
		case <-h.done:
			return
		case <-h.wake:
		case <-tick.C:
			h.routes(seen)
			h.judge()
		}
		h.mu.Lock()
		up, reason := h.up.Load(), h.reason
		again := up && h.doubt
		h.doubt = h.doubt && !up
		h.mu.Unlock()
		if again {
			h.bus.counts.reconnects.Add(1)
			h.bus.suspectAll(true)
		}
		if up != told {
			told = up
			h.bus.sink.State(up, reason)
		}
	}
}

// routes looks at which servers the embedded one is connected with. When one is back that was away, messages of its clients may have been missed.
func (h *health) routes(seen map[string]bool) {
	b := h.bus
	if b.server == nil || len(b.config.Embedded.Routes) == 0 {
		return
	}
	now := b.server.remotes()
	h.mu.Lock()
	h.alone, h.few = len(now) == 0, !reaches(b.config.Name, h.keepers, now)
	h.mu.Unlock()
	back := false
	for name := range now {
		if connected, known := seen[name]; known && !connected {
			back = true
		}
		seen[name] = true
	}
	for name := range seen {
		if !now[name] {
			seen[name] = false
		}
	}
	if back {
		h.doubted()
	}
}

// kept says which servers keep the board.
func (h *health) kept(names []string) {
	h.mu.Lock()
	h.keepers = names
	h.mu.Unlock()
}

func (h *health) close() {
	close(h.done)
	if h.running {
		<-h.stopped
	}
}

// refusal is why nothing is taken now; nil: it is.
func (b *Bus) refusal() error {
	if !b.health.up.Load() {
		return backbone.ErrUnavailable
	}
	return nil
}
