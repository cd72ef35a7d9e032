package rest

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/once"
	"github.com/gannet-io/gannet/pusher/wire"
)

// An idempotency key names an event, or with a header a whole request, so that it can be sent again by a publisher who got no
// answer: what was published already is not published again, and the answer is the one of before. It is a member of the
// event, which the signature covers and of which each event of a batch has its own, or a header for libraries that
// make the body themselves.

// maxKeyBytes is the longest idempotency key.
const maxKeyBytes = 255

// repeatPatience is how long a request waits for another with its key that is being dealt with.
const repeatPatience = 10 * time.Second

// An answered is what is remembered of a request: its answer, or of one event of a batch what its answer says of it.
type answered struct {
	body string
	info wire.Info
}

// repeats are the requests of all apps that are remembered. Any goroutine.
type repeats struct {
	seeds [3]maphash.Seed // two for a key, one for what comes with it

	mu   sync.Mutex
	apps map[string]*memory // by app id; guarded by mu; only grows
}

// A memory is that of one app.
type memory struct {
	mu    sync.Mutex
	table once.Table[answered] // guarded by mu
}

func (r *repeats) init() {
	r.apps = make(map[string]*memory)
	for i := range r.seeds {
		r.seeds[i] = maphash.MakeSeed()
	}
}

func (r *repeats) of(a *app.App) *memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.apps[a.ID]
	if m == nil {
		m = new(memory)
		r.apps[a.ID] = m
	}
	return m
}

// A claim is the right to carry out the request with a key, until done or given up. The zero claim is of one without a
// key.
type claim struct {
	memory *memory
	key    once.Key
	now    func() time.Time
}

// hash returns what stands for an idempotency key, of a kind of request.
func (r *repeats) hash(scope, key string) (k once.Key) {
	for i := range 2 {
		h := maphash.String(r.seeds[i], scope+"\x00"+key)
		for j := range 8 {
			k[8*i+j] = byte(h >> (8 * j))
		}
	}
	return k
}

// sum returns what stands for the content of a request.
func (r *repeats) sum(parts ...[]byte) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seeds[2])
	for _, part := range parts {
		maphash.WriteComparable(&h, len(part))
		_, _ = h.Write(part) // cannot fail
	}
	return h.Sum64()
}

// claim asks for the right to carry out a request. ok is false when that has been done before, with that answer. It may wait
// for another who is at it.
func (s *Server) claim(a *app.App, scope, key string, sum uint64) (c claim, before answered, ok bool, err error) {
	if len(key) > maxKeyBytes {
		return claim{}, answered{}, false, errLongKey
	}
	c = claim{memory: s.repeats.of(a), key: s.repeats.hash(scope, key), now: s.cfg.Now}
	limits := once.Limits{Window: a.Limits.IdempotencyWindow, Keys: a.Limits.IdempotencyKeys}
	var patience <-chan time.Time
	for {
		c.memory.mu.Lock()
		outcome, answer, wait := c.memory.table.Begin(c.key, sum, limits, s.cfg.Now())
		c.memory.mu.Unlock()
		switch outcome {
		case once.New:
			return c, answered{}, true, nil
		case once.Known:
			s.metrics.repeats.Inc()
			return claim{}, answer, false, nil
		case once.Misused:
			return claim{}, answered{}, false, errKeyReused
		}
		if patience == nil {
			timer := time.NewTimer(repeatPatience)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-wait:
		case <-patience:
			return claim{}, answered{}, false, errKeyBusy
		}
	}
}

// done notes what was answered.
func (c *claim) done(a answered) {
	if c.memory == nil {
		return
	}
	c.memory.mu.Lock()
	c.memory.table.Done(c.key, a, c.now())
	c.memory.mu.Unlock()
	c.memory = nil
}

// end gives the claim up unless it is done: whoever tries again begins anew.
func (c *claim) end() {
	if c.memory == nil {
		return
	}
	c.memory.mu.Lock()
	c.memory.table.Abort(c.key)
	c.memory.mu.Unlock()
	c.memory = nil
}

// misused reports whether a key is known to be that of another request.
func (s *Server) misused(a *app.App, scope, key string, sum uint64) bool {
	m := s.repeats.of(a)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.table.Misused(s.repeats.hash(scope, key), sum)
}

// headerKey returns the idempotency key of a whole request, "" when there is none.
func headerKey(h *fasthttp.RequestHeader) string {
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if value := h.Peek(name); len(value) > 0 {
			return string(value)
		}
	}
	return ""
}
