package engine_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/engine"
)

// Six clients on two loops that do not read hold 1 to 6 MB, 21 in all, of which 12 are allowed. Those with 6 and then 5
// have to go, on whichever loop they are; what remains is 10.
func TestThoseWhoHoldTheMostGoFirst(t *testing.T) {
	const megabyte = 1 << 20
	var mu sync.Mutex
	var gone []int // by what they held, in the order they were told; guarded by mu
	opened := make(chan *engine.Conn, 1)
	s := serveOn(t, narrow(t), &handler{
		open: func(c *engine.Conn) { opened <- c },
		notice: func(c *engine.Conn, n engine.Notice) {
			if n != engine.Slow {
				t.Errorf("notice %d", n)
			}
			mu.Lock()
			gone = append(gone, int(c.Tag))
			mu.Unlock()
			c.Close(4100, "too slow")
		},
	}, func(c *engine.Config) {
		c.Loops, c.BacklogBytes, c.BacklogAge, c.BacklogTotal = 2, -1, -1, 12*megabyte
	})
	clients := make([]*client, 7)
	conns := make([]*engine.Conn, 7)
	for i := 1; i <= 6; i++ {
		clients[i] = dial(t, s)
		conns[i] = wait(t, opened, "Open")
	}
	// All at once, as far as the loops can see: none looks before both have got all.
	full := text(strings.Repeat("x", 10_000))
	var both, filled sync.WaitGroup
	both.Add(2)
	for _, l := range s.Loops() {
		filled.Add(1)
		l.Post(func() {
			defer filled.Done()
			for i := 1; i <= 6; i++ {
				if c := conns[i]; c.Loop() == l {
					c.Tag = uint64(i)
					for range i * megabyte / 10_000 {
						c.Send(full)
					}
				}
			}
			both.Done()
			both.Wait()
		})
	}
	filled.Wait()
	told := func() []int {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(gone)
	}
	eventually(t, func() bool { return len(told()) >= 2 }, func() string { return "nobody is told" })
	if got := told(); got[0]+got[1] != 11 {
		t.Fatalf("those with %v MB were told, want 6 and 5", got)
	}
	// The others are left alone, and lose nothing.
	for i := 1; i <= 4; i++ {
		for frame := range i * megabyte / 10_000 {
			if f, err := clients[i].frame(); err != nil || len(f.Payload) != 10_000 {
				t.Fatalf("client %d, frame %d: %d bytes, %v", i, frame, len(f.Payload), err)
			}
		}
	}
	clients[5].wantClose(4100, "too slow")
	clients[6].wantClose(4100, "too slow")
	if got := told(); len(got) != 2 {
		t.Errorf("those with %v MB were told, want 6 and 5 alone", got)
	}
	s.wantMetrics(map[string]string{
		`gannet_engine_slow_total{reason="budget"}`: "2", `gannet_engine_slow_total{reason="bytes"}`: "0",
		`gannet_engine_slow_total{reason="age"}`: "0", "gannet_engine_backlog_bytes": "0"})
}

// However backlogs come and go, what they cost is entered and taken out again.
func TestWhatBacklogsCostIsKept(t *testing.T) {
	s := serveOn(t, narrow(t), flooder(50, 10_000), func(c *engine.Config) {
		c.BacklogBytes, c.BacklogAge, c.BacklogTotal = -1, -1, 1<<30
	})
	for _, end := range []func(c *client){
		func(c *client) { c.reset() },
		func(c *client) { // reads all
			for range 50 {
				if _, err := c.frame(); err != nil {
					t.Fatal(err)
				}
			}
			_ = c.Close()
		},
		func(c *client) { c.write(closing(1000, "")); c.wantClose(1000, ""); _ = c.Close() },
	} {
		c := dial(t, s)
		c.write("\x81\x82\x00\x00\x00\x00go")
		eventually(t, func() bool { return s.metric("gannet_engine_backlog_bytes") != "0" }, func() string { return "nothing is held" })
		end(c)
		s.wantConns(0)
		s.wantMetrics(map[string]string{"gannet_engine_backlog_bytes": "0"})
	}
}
