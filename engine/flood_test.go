package engine_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
)

// pings are n pings numbered from first on, in one piece.
func pings(first, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(masked(ws.OpPing, true, strconv.Itoa(first+i)))
	}
	return b.String()
}

// A few pings at once are answered one by one, in order with messages. Of a flood the last is (RFC 6455 §5.5.3).
func TestAFloodOfPingsIsAnsweredByItsLast(t *testing.T) {
	s := serve(t, &handler{})
	c := dial(t, s)
	c.write(pings(0, 8) + masked(ws.OpText, true, "one") + pings(8, 8))
	for i := range 8 {
		c.want(ws.OpPong, itoa(i))
	}
	c.wantText("one")
	for i := range 8 {
		c.want(ws.OpPong, itoa(8+i))
	}
	const flood = 20_000
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(pings(100, flood) + masked(ws.OpText, true, "end"))
	}()
	answers, last := 0, ""
	for {
		f, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		if f.Header.OpCode == ws.OpText {
			continue // it may overtake the last answer of its read
		}
		if n, _ := strconv.Atoi(string(f.Payload)); last != "" && n <= mustAtoi(t, last) {
			t.Fatalf("the answer %q comes behind %q", f.Payload, last)
		}
		answers, last = answers+1, string(f.Payload)
		if last == itoa(100+flood-1) {
			break
		}
	}
	<-written
	// The kernel hands over 64 KiB at a time, 6000 pings, or whatever has come.
	if answers > flood/10 {
		t.Errorf("%d answers to %d pings", answers, flood)
	}
	s.wantMetrics(map[string]string{"gannet_engine_pings_in_total": itoa(flood + 16)})
}

func mustAtoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// One that floods and does not read has one answer waiting, and is not cut off for the flood.
func TestAnswersToPingsDoNotFillTheBacklog(t *testing.T) {
	s := serveOn(t, narrow(t), &handler{}, func(c *engine.Config) { c.BacklogBytes, c.BacklogAge = 1<<20, -1 })
	c := dial(t, s)
	big := strings.Repeat("x", 500_000)
	c.write(masked(ws.OpText, true, big))
	eventually(t, func() bool { return s.metric("gannet_engine_blocked_total") == "1" }, func() string { return "not blocked" })
	const flood = 50_000 // 64 bytes each, and more, would be three times the limit
	for i := 0; i < flood; i += 1000 {
		c.write(pings(i, 1000))
	}
	s.wantMetrics(map[string]string{"gannet_engine_pings_in_total": itoa(flood)})
	s.on(0, func(l *engine.Loop) {
		if n := l.Waiting(); n > 3 {
			t.Errorf("%d frames wait: the message and an answer should", n)
		}
	})
	c.wantText(big)
	c.want(ws.OpPong, itoa(flood-1))
	c.echo("still here")
	s.wantMetrics(map[string]string{`gannet_engine_slow_total{reason="bytes"}`: "0"})
}
