package engine_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/engine"
)

// A log that may be read while it is written.
type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// What others post for one conn costs that conn alone when it panics, and is told once.
func TestAPanicInWhatIsPostedForAConnCostsOnlyThatConn(t *testing.T) {
	for name, post := range map[string]func(l *engine.Loop, id engine.ID){
		"PostConn": func(l *engine.Loop, id engine.ID) { l.PostConn(id, boom) },
		"Each": func(l *engine.Loop, id engine.ID) {
			l.Post(func() {
				l.Each(func(c *engine.Conn) {
					if c.ID() == id {
						boom(c)
					}
				})
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(syncLog)
			ids := make(chan engine.ID, 1)
			s := serve(t, &handler{open: func(c *engine.Conn) { ids <- c.ID() }}, func(c *engine.Config) {
				c.Log = slog.New(slog.NewTextHandler(log, nil))
			})
			other := dial(t, s)
			wait(t, ids, "Open")
			c := dial(t, s)
			post(s.Loops()[0], wait(t, ids, "Open"))
			c.wantClose(1011, "internal error")
			c.wantEnd()
			_ = c.Close()
			other.echo("alive")
			s.wantMetrics(map[string]string{"gannet_engine_panics_total": "1",
				`gannet_engine_closes_total{reason="panic"}`: "1", "gannet_engine_websockets": "1"})
			if n := strings.Count(log.String(), "panic=boom"); n != 1 || !strings.Contains(log.String(), "goroutine ") {
				t.Errorf("logged %d times, want once with a stack: %s", n, log)
			}
		})
	}
}

// A conn that has gone meanwhile is nobody to post for.
func TestPostConnSparesWhoHasGone(t *testing.T) {
	ids := make(chan engine.ID, 2)
	s := serve(t, &handler{open: func(c *engine.Conn) { ids <- c.ID() }})
	c := dial(t, s)
	id := wait(t, ids, "Open")
	c.reset()
	s.wantConns(0)
	dial(t, s) // in the same slot
	wait(t, ids, "Open")
	s.Loops()[0].PostConn(id, func(*engine.Conn) { t.Error("called for a conn that is gone") })
	s.on(0, func(*engine.Loop) {})
}
