package redisbus

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gannet-io/gannet/engine/backbone"
)

// health is whether Redis can be reached, as its users found.
type health struct {
	up       atomic.Bool
	writable atomic.Bool // what is written would be answered, whatever comes in

	mu       sync.Mutex
	problems map[string]string // by who has it: why
	changed  chan struct{}     // has room for one
}

// Who has the problems that keep from writing.
const (
	ofStart = ""
	ofLease = "lease"
)

func newHealth() *health {
	return &health{problems: map[string]string{ofStart: "not started"}, changed: make(chan struct{}, 1)}
}

// report says that who has a problem, or with "" that it has none any more. Any goroutine.
func (h *health) report(who, why string) {
	h.mu.Lock()
	if h.problems[who] == why {
		h.mu.Unlock()
		return
	}
	if why == "" {
		delete(h.problems, who)
	} else {
		h.problems[who] = why
	}
	h.up.Store(len(h.problems) == 0)
	h.writable.Store(h.problems[ofStart] == "" && h.problems[ofLease] == "")
	h.mu.Unlock()
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

func (h *health) reason() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, who := range slices.Sorted(maps.Keys(h.problems)) {
		return h.problems[who]
	}
	return ""
}

// run tells s whenever it has changed.
func (h *health) run(ctx context.Context, s backbone.Sink) {
	told := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.changed:
		}
		why := h.reason()
		if up := why == ""; up != told {
			told = up
			s.State(up, why)
		}
	}
}
