package redisbus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

const prefix = "gannet:"

// pair starts two nodes at s.
func pair(t testing.TB, s *server) (a, b *witness) {
	t.Helper()
	a = join(t, newBus(t, redisbus.Config{URL: "redis://" + s.addr(), Name: "a"}))
	b = join(t, newBus(t, redisbus.Config{URL: "redis://" + s.addr(), Name: "b"}))
	a.until("both", func() bool { return len(a.nodes) == 2 })
	return a, b
}

func entry(key, value string) []backbone.Entry {
	return []backbone.Entry{{Key: key, Value: []byte(value)}}
}

func numbered(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func TestNoPlaceIsGivenTwiceWhenRedisComesBackFromAnOldSnapshot(t *testing.T) {
	s := startServer(t)
	a, b := pair(t, s)
	keep := &backbone.Retention{Events: 100, Age: time.Hour}
	b.attach("t", keep)
	for i := range 10 {
		a.ok("Append", a.Append("t", keep, fmt.Append(nil, i)))
	}
	restore := s.dump()
	for i := range 10 {
		a.ok("Append", a.Append("t", keep, fmt.Append(nil, i+10)))
	}
	b.until("all", func() bool { return slices.Equal(b.log["t"], numbered(20)) })
	epoch := b.tails["t"].Epoch
	a.ok("Put", a.Put(entry("k", "v")))
	old := a.self.ID

	s.kill()
	restore()
	s.again()
	b.until("another epoch", func() bool { return b.tails["t"].Epoch != epoch })
	a.eventually("Append", func() func() error { return a.Append("t", keep, []byte("after")) })
	// The snapshot's messages are there, the ten after it are lost, and nothing new has a place that one of them had.
	b.until("what is left, and the new one", func() bool { return slices.Equal(b.log["t"], append(numbered(10), "after")) })

	// The board of the snapshot counts for nothing.
	for _, n := range []*witness{a, b} {
		n.until("another incarnation", func() bool { return n.rejoins == 2 })
		n.Settled()
	}
	b.until("a's old incarnation gone", func() bool { return b.gone[old] && len(b.nodes) == 2 })
	if b.entries[a.self.ID]["k"] != "" {
		t.Error("an entry of the snapshot is told")
	}
}

func TestNothingOfALogIsMissedWhenConnectionsForMessagesAreKilled(t *testing.T) {
	s := startServer(t)
	a, b := pair(t, s)
	keep := &backbone.Retention{Events: 10000}
	b.attach("t", keep)
	b.attach("plain", nil)
	const rounds, each = 10, 40
	for r := range rounds {
		before := b.Status().Reconnects
		for i := range each {
			a.ok("Append", a.Append("t", keep, fmt.Append(nil, r*each+i)))
			if i == each/2 {
				s.do("CLIENT", "KILL", "TYPE", "pubsub")
			}
		}
		b.until("the log", func() bool { return len(b.log["t"]) == (r+1)*each })
		b.until("word that messages may have been missed", func() bool { return b.attached["plain"] >= r+2 && b.Status().Reconnects > before })
	}
	if !slices.Equal(b.log["t"], numbered(rounds*each)) || b.attached["t"] != 1 {
		t.Errorf("the log is %v after %d Attached", b.log["t"], b.attached["t"])
	}
	if b.Status().Refetched == 0 {
		t.Error("nothing had to be fetched")
	}
}

func TestNothingIsStoredTwiceWhenAnswersAreLost(t *testing.T) {
	s := startServer(t)
	a, b := pair(t, s)
	keep := &backbone.Retention{Events: 100000}
	b.attach("t", keep)
	done := make(chan struct{})
	var kills atomic.Int64
	var killer sync.WaitGroup
	killer.Go(func() {
		s.admin(func(ctx context.Context, c rueidis.Client) {
			for tick := time.NewTicker(50 * time.Millisecond); ; kills.Add(1) {
				select {
				case <-done:
					tick.Stop()
					return
				case <-tick.C:
					_ = c.Do(ctx, c.B().Arbitrary("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Build()).Error()
				}
			}
		})
	})
	unsure := make(map[string]bool)
	var acked []string
	for len(acked) < 3000 || kills.Load() < 20 {
		var waits []func() error
		for i := range 100 {
			waits = append(waits, a.Append("t", keep, fmt.Append(nil, len(acked)+len(unsure)+i)))
		}
		first := len(acked) + len(unsure)
		for i, wait := range waits {
			text := fmt.Sprint(first + i)
			if err := wait(); err == nil {
				acked = append(acked, text)
			} else {
				unsure[text] = true
			}
		}
	}
	a.eventually("Put", func() func() error { return a.Put(entry("x", "0")) }) // on a slow machine it may be cut off more often than it tries
	for i := range 100 {
		a.eventually("Put", func() func() error { return a.Put(entry("n", fmt.Sprint(i))) })
	}
	close(done)
	killer.Wait()
	a.eventually("Append", func() func() error { return a.Append("t", keep, []byte("end")) })
	b.until("the end", func() bool { return slices.Contains(b.log["t"], "end") })
	b.until("the last entry", func() bool { return b.entries[a.self.ID]["n"] == "99" })
	times := make(map[string]int)
	for _, text := range b.log["t"] {
		times[text]++
	}
	for _, text := range acked {
		if times[text] != 1 {
			t.Errorf("%s, which was acknowledged, is stored %d times", text, times[text])
		}
	}
	for text, n := range times {
		if n > 1 {
			t.Errorf("%s is stored %d times", text, n)
		}
	}
	t.Logf("%d acknowledged, %d not, while all connections were killed %d times", len(acked), len(unsure), kills.Load())
}

func TestNobodyIsGoneBecauseRedisHung(t *testing.T) {
	s := startServer(t)
	a, b := pair(t, s)
	keep := &backbone.Retention{Events: 100}
	b.attach("t", keep)
	begin := time.Now()
	s.signal(syscall.SIGSTOP)
	for _, n := range []*witness{a, b} {
		n.until("State down", func() bool { return !n.up })
	}
	took := time.Since(begin)
	t.Logf("noticed after %v: %s", took, a.why)
	if took > 15*time.Second || took < testLease { // a busy machine may add to it
		t.Errorf("noticed after %v, want 4 s or so, and more than the lease", took)
	}
	if err := a.Append("t", keep, []byte("no"))(); !errors.Is(err, backbone.ErrUnavailable) {
		t.Errorf("Append while Redis hangs: %v", err)
	}
	s.signal(syscall.SIGCONT)
	for _, n := range []*witness{a, b} {
		n.until("State up", func() bool { return n.up })
		n.eventually("Put", func() func() error { return n.Put(entry("k", n.self.Name)) })
	}
	a.eventually("Append", func() func() error { return a.Append("t", keep, []byte("yes")) })
	for _, n := range []*witness{a, b} {
		n.until("both entries", func() bool { return n.entries[a.self.ID]["k"] == "a" && n.entries[b.self.ID]["k"] == "b" })
		n.mu.Lock()
		if len(n.gone) > 0 || n.rejoins != 1 {
			t.Errorf("%v gone, %d rejoins", n.gone, n.rejoins)
		}
		n.mu.Unlock()
	}
	b.until("the log", func() bool { return slices.Equal(b.log["t"], []string{"yes"}) })
}

func TestWhatWasNeverPublishedIsFoundInTheLog(t *testing.T) {
	s := startServer(t)
	_, b := pair(t, s)
	keep := &backbone.Retention{Events: 100}
	b.attach("t", keep)
	meta := redisbus.MetaKey(prefix, "t")
	for i := range 3 {
		// As if the publication had been lost on its way.
		s.do("HINCRBY", meta, "offset", "1")
		s.do("XADD", redisbus.StreamKey(prefix, "t"), fmt.Sprint("0-", i+1), "a", "1700000000000000", "m", fmt.Sprint(i))
	}
	b.until("what nobody told of", func() bool { return slices.Equal(b.log["t"], numbered(3)) })
	if got := b.Status().Refetched; got != 3 || b.attached["t"] != 1 {
		t.Errorf("%d fetched, %d Attached; want 3 and 1", got, b.attached["t"])
	}
}

func TestWhoLostHisLeaseComesBackAsAnother(t *testing.T) {
	s := startServer(t)
	a, b := pair(t, s)
	a.ok("Put", a.Put(entry("k", "v")))
	old := a.self.ID
	b.until("k", func() bool { return b.entries[old]["k"] == "v" })
	s.admin(func(ctx context.Context, c rueidis.Client) {
		for a.Status().Self.ID == old { // until somebody else is faster than its next renewal
			if err := c.Do(ctx, c.B().Arbitrary("ZADD", prefix+"{board}leases", "XX", "0", old).Build()).Error(); err != nil {
				t.Fatal(err)
			}
		}
	})
	for _, n := range []*witness{a, b} {
		n.until("gone", func() bool { return n.gone[old] })
	}
	a.until("another incarnation", func() bool { return a.rejoins == 2 && a.self.ID != old })
	a.ok("Put", a.Put(entry("k", "again")))
	a.Settled()
	b.until("the new one", func() bool { return b.entries[a.self.ID]["k"] == "again" && len(b.nodes) == 2 })
	left := s.do("EXISTS", prefix+"{board}e:"+old)
	if n, err := left.AsInt64(); n != 0 || err != nil {
		t.Errorf("entries of the old incarnation are left: %d, %v", n, err)
	}
}

func TestWhoIsFarBehindIsToldTheDifference(t *testing.T) {
	s := startServer(t)
	few := func(c redisbus.Config) *redisbus.Bus {
		b := newBus(t, c)
		b.KeepChanges(100)
		return b
	}
	l := newLink(t, s.addr())
	a := join(t, few(redisbus.Config{URL: "redis://" + s.addr(), Name: "a", Lease: patience}))
	b := join(t, few(redisbus.Config{URL: "redis://" + l.addr(), Name: "b", Lease: patience}))
	for i := range 10 {
		a.ok("Put", a.Put(entry(fmt.Sprint("k", i), "old")))
	}
	b.until("all", func() bool { return len(b.entries[a.self.ID]) == 10 })
	l.set(true)
	b.until("State down", func() bool { return !b.up })
	for i := range 2000 {
		a.ok("Put", a.Put(entry("n", fmt.Sprint(i))))
	}
	a.ok("Put", a.Put([]backbone.Entry{{Key: "k0"}, {Key: "k1", Value: []byte("new")}}))
	before := b.Status().Entries
	l.set(false)
	b.until("all there is", func() bool {
		e := b.entries[a.self.ID]
		return e["n"] == "1999" && e["k1"] == "new" && e["k0"] == "" && len(e) == 10
	})
	if n := b.Status().Entries - before; n != 3 {
		t.Errorf("%d entries were told, want the 3 that differ", n)
	}
	if len(b.gone) > 0 || b.rejoins != 1 {
		t.Errorf("gone %v, rejoins %d", b.gone, b.rejoins)
	}
}

func TestAFullRedisIsSaidToBeAway(t *testing.T) {
	s := startServer(t)
	a, _ := pair(t, s)
	keep := &backbone.Retention{Events: 100}
	s.do("CONFIG", "SET", "maxmemory", "1")
	a.until("State down", func() bool { return !a.up })
	if !strings.Contains(a.why, "OOM") {
		t.Errorf("the reason is %q", a.why)
	}
	if err := a.Append("t", keep, []byte("x"))(); !errors.Is(err, backbone.ErrUnavailable) {
		t.Errorf("Append: %v", err)
	}
	s.do("CONFIG", "SET", "maxmemory", "0")
	a.until("State up", func() bool { return a.up })
	a.eventually("Append", func() func() error { return a.Append("t", keep, []byte("x")) })
}

func TestTheReasonSaysWhatFails(t *testing.T) {
	s := startServer(t)
	a, _ := pair(t, s)
	s.kill()
	a.until("State down", func() bool { return !a.up })
	if !strings.HasPrefix(a.why, "Redis: dial tcp "+s.addr()) {
		t.Errorf("the reason is %q", a.why)
	}
	if r := a.Status().Reason; !strings.HasPrefix(r, "Redis: dial tcp "+s.addr()) {
		t.Errorf("Status has the reason %q", r)
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	s := startServer(t)
	a := join(t, newBus(t, redisbus.Config{URL: "redis://" + s.addr(), Name: "a", MaxWaiting: 50}))
	s.signal(syscall.SIGSTOP)
	defer s.signal(syscall.SIGCONT)
	var full bool
	for range 51 {
		if wait := a.Publish("t", []byte("x")); a.Full() {
			full = true
			if err := a.Publish("t", []byte("x"))(); !errors.Is(err, backbone.ErrFull) {
				t.Errorf("Publish when full: %v", err)
			}
			break
		} else if wait == nil {
			t.Fatal("Publish is done while Redis hangs")
		}
	}
	if !full {
		t.Error("51 of 50 wait")
	}
}
