package backbonetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

func dying(r *run) {
	nodes := r.cluster(3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	c.ok("Put", c.Put(put("x", "1")))
	r.Kill("c")
	for _, n := range []*node{a, b} {
		n.within(r.Lease+r.Patience, "c gone", func() bool { return n.gone[c.self.ID] })
	}
	a.ok("Put", a.Put(put("after", "1")))
	for _, n := range []*node{a, b} {
		n.until("what comes after", func() bool { return n.entries[a.self.ID]["after"] == "1" })
	}
	if last := func(n *node) []string { return n.told[len(n.told)-2:] }; !slices.Equal(last(a), last(b)) {
		r.Errorf("a was told %q and b %q", last(a), last(b))
	}
	// Its name is free.
	again := r.start("c")
	if again.self.ID == c.self.ID {
		r.Errorf("two incarnations have one ID")
	}
}

func cutShort(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	keep := &backbone.Retention{Events: 100}
	b.attach("log", keep)
	b.attach("plain", nil)
	a.ok("Append", a.Append("log", keep, []byte("1")))
	b.until("the first", func() bool { return b.topic("log").head == 1 })
	r.Cut("b")
	b.until("State down", func() bool { return !b.up })
	for i := range 20 {
		a.ok("Append", a.Append("log", keep, fmt.Append(nil, i+2)))
	}
	a.ok("Publish", a.Publish("plain", []byte("missed")))
	r.Restore("b")
	b.until("State up", func() bool { return b.up })
	b.until("what was missed of the log", func() bool { return b.topic("log").head == 21 && len(b.topic("log").stored) == 21 })
	b.until("word that messages may have been missed", func() bool {
		t := b.topic("plain")
		return t.attached >= 2 || slices.Contains(t.messages, "missed")
	})
	// What is published then comes, unless there is such a word once more.
	for n, came := 0, false; !came; n++ {
		text, words := fmt.Sprint("not missed ", n), 0
		b.until("State up", func() bool { words = b.topic("plain").attached; return b.up })
		a.ok("Publish", a.Publish("plain", []byte(text)))
		b.until("what is published then", func() bool {
			t := b.topic("plain")
			came = slices.Contains(t.messages, text)
			return came || t.attached > words
		})
	}
	if b.Status().Reconnects == 0 {
		r.Errorf("no reconnect was counted: %+v", b.Status())
	}
}

func cutLong(r *run) {
	nodes := r.cluster(3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	c.ok("Put", c.Put(put("x", "1")))
	old := c.self.ID
	r.Cut("c")
	for _, n := range []*node{a, b} {
		n.within(r.Lease+r.Patience, "c gone", func() bool { return n.gone[old] })
	}
	r.Restore("c")
	c.until("another incarnation", func() bool { return c.rejoins == 2 && c.self.ID != old && c.gone[old] })
	c.ok("Put", c.Put(put("x", "2")))
	c.Settled()
	for _, n := range nodes {
		n.until("c as another", func() bool { return n.entries[c.self.ID]["x"] == "2" && len(n.nodes) == 3 })
	}
	if s := c.Status(); s.Rejoins != 1 {
		r.Errorf("%d rejoins were counted, want 1", s.Rejoins)
	}
}

// refused waits until try fails as it has to while the backbone is away.
func (r *run) refused(n *node, what string, try func() func() error) {
	r.Helper()
	late := time.Now().Add(r.Patience)
	for {
		begin := time.Now()
		var err error
		if wait := try(); wait != nil {
			err = wait()
		}
		took := time.Since(begin)
		if took > backbone.PatienceMax+5*time.Second {
			r.Errorf("%s took %v", what, took)
		}
		if errors.Is(err, backbone.ErrUnavailable) {
			return
		}
		if err == nil {
			r.Errorf("%s while the backbone is away: no error", what)
			return
		}
		if time.Now().After(late) {
			r.Errorf("%s while the backbone is away: %v, want ErrUnavailable", what, err)
			return
		}
	}
}

func away(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	keep := &backbone.Retention{Events: 100}
	a.attach("t", keep)
	r.Cut("b")
	b.until("State down", func() bool { return !b.up })
	if s := b.Status(); s.Up || s.Reason == "" {
		r.Errorf("Status while the backbone is away: %+v", s)
	}
	r.refused(b, "Publish", func() func() error { return b.Publish("t", []byte("no")) })
	r.refused(b, "Append", func() func() error { return b.Append("t", keep, []byte("no")) })
	r.refused(b, "Put", func() func() error { return b.Put(put("k", "no")) })
	r.Restore("b")
	b.until("State up", func() bool { return b.up })
	b.ok("Append", b.Append("t", keep, []byte("yes")))
	a.until("what was accepted alone", func() bool { return slices.Equal(texts(a.topic("t").stored), []string{"yes"}) })
	if len(a.topic("t").messages) != 0 {
		r.Errorf("a message that was refused was delivered")
	}
}

func attachAway(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	keep := &backbone.Retention{Events: 100}
	r.Cut("b")
	b.until("State down", func() bool { return !b.up })
	b.Attach("plain", nil)
	b.Attach("log", keep)
	b.Attach("never", nil)
	b.Detach("never")
	a.ok("Append", a.Append("log", keep, []byte("1")))
	r.Restore("b")
	for _, name := range []string{"plain", "log"} {
		b.until("Attached "+name, func() bool { return b.topic(name).attached > 0 })
	}
	a.ok("Publish", a.Publish("never", []byte("x")))
	a.ok("Publish", a.Publish("plain", []byte("x")))
	b.until("a message", func() bool { return len(b.topic("plain").messages) == 1 })
	b.until("the log", func() bool { return slices.Equal(texts(b.topic("log").stored), []string{"1"}) })
	if t := b.topic("never"); t.attached+len(t.messages) > 0 {
		r.Errorf("told of a topic that was detached before it could be attached")
	}
}

func stopped(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	keep := &backbone.Retention{Events: 1000}
	b.attach("t", keep)
	for _, n := range nodes {
		n.ok("Put", n.Put(put("k", n.name)))
	}
	for i := range 20 {
		a.ok("Append", a.Append("t", keep, fmt.Append(nil, i)))
	}
	b.until("all", func() bool { return b.topic("t").head == 20 })
	epoch := b.topic("t").epoch
	r.Stop()
	a.until("State down", func() bool { return !a.up })
	b.until("State down", func() bool { return !b.up })
	r.Start()
	a.until("State up", func() bool { return a.up })
	b.until("State up", func() bool { return b.up })
	r.eventually(a, "Append", func() func() error { return a.Append("t", keep, []byte("after")) })
	b.until("what comes after", func() bool {
		t := b.topic("t")
		all := texts(t.stored)
		return t.epoch == epoch && len(all) >= 21 && all[len(all)-1] == "after" && all[19] == "19"
	})
	for _, n := range nodes {
		r.restated(n, nodes)
	}
}

// outage has nodes write to a log while the backbone goes away and comes back.
func outage(r *run) {
	const before, after = 30, 30 // acknowledged, of each node
	nodes := r.cluster(2)
	a := nodes[0]
	keep := &backbone.Retention{Events: 100_000}
	for _, n := range nodes {
		n.attach("t", keep)
	}
	a.mu.Lock()
	epoch := a.topic("t").epoch
	a.mu.Unlock()
	var mu sync.Mutex
	outcomes := make(map[string]error)
	acked := make(map[*node]int)
	var writers sync.WaitGroup
	back := make(chan struct{}) // closed when the backbone is back
	enough := make(chan struct{}, len(nodes))
	for _, n := range nodes {
		writers.Go(func() {
			then, late := 0, time.Now().Add(3*r.Patience)
			for i := 0; then < after; i++ {
				if time.Now().After(late) {
					r.Errorf("%s: only %d were acknowledged after the backbone came back", n.name, then)
					return
				}
				text := fmt.Sprint(n.name, i)
				var err error
				if wait := n.Append("t", keep, []byte(text)); wait != nil {
					err = wait()
				}
				mu.Lock()
				outcomes[text] = err
				if err == nil {
					acked[n]++
				}
				count := acked[n]
				mu.Unlock()
				if err == nil && count == before {
					enough <- struct{}{}
				}
				select {
				case <-back:
					if err == nil {
						then++
					}
				default:
				}
				if err != nil {
					// There is no point in asking as fast as one can.
					n.mu.Lock()
					fresh := n.fresh
					n.mu.Unlock()
					select {
					case <-fresh:
					case <-time.After(20 * time.Millisecond):
					}
				}
			}
		})
	}
	for range nodes {
		<-enough
	}
	r.Stop()
	for _, n := range nodes {
		n.until("State down", func() bool { return !n.up })
	}
	r.Start()
	for _, n := range nodes {
		n.until("State up", func() bool { return n.up })
	}
	close(back)
	writers.Wait()
	r.eventually(a, "Append", func() func() error { return a.Append("t", keep, []byte("end")) })
	for _, n := range nodes {
		n.until("the end", func() bool { return slices.Contains(texts(n.topic("t").stored), "end") })
		n.mu.Lock()
		t := n.topic("t")
		times := make(map[string]int)
		for _, text := range texts(t.stored) {
			times[text]++
		}
		if t.epoch != epoch {
			r.Errorf("%s: the log began anew", n.name)
		}
		n.mu.Unlock()
		for text, err := range outcomes {
			switch {
			case err == nil && times[text] != 1:
				r.Errorf("%s: %q was acknowledged and is in the log %d times", n.name, text, times[text])
			case (errors.Is(err, backbone.ErrUnavailable) || errors.Is(err, backbone.ErrFull)) && times[text] != 0:
				r.Errorf("%s: %q was refused (%v) and is in the log %d times", n.name, text, err, times[text])
			case times[text] > 1:
				r.Errorf("%s: %q is in the log %d times (%v)", n.name, text, times[text], err)
			}
		}
	}
}

// eventually repeats try until it succeeds.
func (r *run) eventually(n *node, what string, try func() func() error) {
	r.Helper()
	late := time.Now().Add(r.Patience)
	for {
		var err error
		if wait := try(); wait != nil {
			err = wait()
		}
		if err == nil {
			return
		}
		if time.Now().After(late) {
			r.Fatalf("%s: %s: %v", n.name, what, err)
		}
	}
}

// restated has every node say what it has, again if it was told to rejoin, until n knows it of all of them and of nobody else.
func (r *run) restated(n *node, nodes []*node) {
	r.Helper()
	for _, other := range nodes {
		other.mu.Lock()
		rejoined := other.rejoins > 1 && other.entries[other.self.ID]["k"] == ""
		other.mu.Unlock()
		if rejoined {
			r.eventually(other, "Put", func() func() error { return other.Put(put("k", other.name)) })
			other.Settled()
		}
	}
	n.within(r.Lease+r.Patience, "all as they are now, and nobody else", func() bool {
		if len(n.nodes) != len(nodes) {
			return false
		}
		for _, other := range nodes {
			found := false
			for _, node := range n.nodes {
				found = found || node.Name == other.name && n.entries[node.ID]["k"] == other.name
			}
			if !found {
				return false
			}
		}
		return true
	})
}

func forgotten(r *run) {
	nodes := r.cluster(3)
	a, b := nodes[0], nodes[1]
	keep := &backbone.Retention{Events: 100}
	b.attach("t", keep)
	for _, n := range nodes {
		n.ok("Put", n.Put(put("k", n.name)))
	}
	a.ok("Append", a.Append("t", keep, []byte("before")))
	b.until("the first", func() bool { return b.topic("t").head == 1 })
	epoch := b.topic("t").epoch
	old := make(map[*node]string)
	for _, n := range nodes {
		old[n] = n.self.ID
	}
	r.Forget()
	for _, n := range nodes {
		n.until("another incarnation", func() bool { return n.rejoins > 1 && n.self.ID != old[n] })
	}
	b.until("another epoch", func() bool { return b.topic("t").epoch != epoch })
	for _, n := range nodes {
		// What a node had stays until it has said everything again: nobody is to be missed in between.
		n.mu.Lock()
		for _, other := range nodes {
			if n.gone[old[other]] {
				r.Errorf("%s: %s's incarnation was given up before it had settled as another", n.name, other.name)
			}
		}
		n.mu.Unlock()
	}
	for _, n := range nodes {
		r.eventually(n, "Put", func() func() error { return n.Put(put("k", n.name)) })
		n.Settled()
	}
	for _, n := range nodes {
		n.until("the old incarnations gone", func() bool { return n.gone[old[nodes[0]]] && n.gone[old[nodes[1]]] && n.gone[old[nodes[2]]] })
		r.restated(n, nodes)
	}
	r.eventually(a, "Append", func() func() error { return a.Append("t", keep, []byte("after")) })
	b.until("the log that began anew", func() bool {
		all := texts(b.topic("t").stored)
		return len(all) > 0 && all[len(all)-1] == "after" && !slices.Contains(all, "before")
	})
}
