package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
)

// Who waits for its turn to go is looked after like any other: a drain may be longer than the time in which a dead peer
// is found. A loop that has no processor for the whole window tells everybody at once, for once.
func TestPingsGoOnWhileDraining(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1.5 s: a drain window of a second")
	}
	n := 0
	for range 10 {
		s := serve(t, &handler{}, func(c *engine.Config) {
			c.PingInterval, c.PongWait, c.CloseWait = 200*time.Millisecond, 10*time.Second, 100*time.Millisecond
		})
		for range 100 { // 10 ms of window each
			dial(t, s)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Drain(ctx, time.Second); err != nil {
			t.Fatal(err)
		}
		// Four of five have a moment later than 200 ms, give or take the coarse clock.
		if n = s.count("gannet_engine_pings_out_total"); n >= 20 {
			return
		}
	}
	t.Errorf("%d of 100 silent peers were pinged while they waited up to a second", n)
}

// Whom the kernel has accepted for us must not be reset because we go: they are let in and told.
func TestDrainLeavesNobodyInTheQueue(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.MaxConns, c.Loops = 20, 2 })
	clients := []*client{dial(t, s)}
	// There is no room, so that all but those in the acceptors' hands stay in the queue.
	s.AddConns(20)
	for range 10 {
		c := raw(t, s)
		c.write(request)
		clients = append(clients, c)
	}
	// Each of the two acceptors has one in its hands, or waits before it takes one.
	eventually(t, func() bool {
		held := s.count("gannet_engine_accepts_total") - 1
		return held+s.count(`gannet_engine_accept_pauses_total{reason="sockets"}`) == 2
	}, func() string { return "accepting goes on without room" })
	s.AddConns(-20)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx, 100*time.Millisecond) }()
	for i, c := range clients {
		if i > 0 {
			c.wantBytes(accepted)
		}
		c.wantClose(uint16(noticeCode(engine.Drain)), "")
		c.write(closing(1000, ""))
		c.wantEnd()
		_ = c.Close()
	}
	if err := wait(t, drained, "Drain"); err != nil {
		t.Fatal(err)
	}
}
