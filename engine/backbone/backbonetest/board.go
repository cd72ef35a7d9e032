package backbonetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gannet-io/gannet/engine/backbone"
)

func put(key, value string) []backbone.Entry {
	return []backbone.Entry{{Key: key, Value: []byte(value)}}
}

func starting(r *run) {
	a := r.start("a")
	a.until("itself", func() bool { return len(a.nodes) == 1 && a.nodes[0] == a.self })
	a.until("State up", func() bool { return a.up })
	a.ok("Put", a.Put(put("x", "1")))
	a.Settled()
	b := r.start("b")
	b.mu.Lock()
	if len(b.nodes) == 0 || b.nodes[0].ID != a.self.ID || b.entries[a.self.ID]["x"] != "1" {
		r.Errorf("at Rejoin b knows %v with %v; want a's entry", b.nodes, b.entries)
	}
	b.mu.Unlock()
	b.until("both", func() bool { return len(b.nodes) == 2 })
	a.until("both", func() bool { return len(a.nodes) == 2 })
	s := b.Status()
	if !s.Up || s.Self.ID != b.self.ID || len(s.Nodes) != 2 || s.Driver == "" || s.Reason != "" {
		r.Errorf("Status: %+v", s)
	}
}

func leaving(r *run) {
	nodes := r.cluster(3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	c.ok("Put", c.Put(put("x", "1")))
	c.stop()
	for _, n := range []*node{a, b} {
		// At once: not only when the lease has lapsed.
		n.until("c gone", func() bool { return n.gone[c.self.ID] && len(n.nodes) == 2 })
	}
	d := r.start("d")
	if d.entries[c.self.ID] != nil {
		r.Errorf("who comes later is told of who had left")
	}
}

func entries(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	all := []backbone.Entry{
		{Key: "k", Value: []byte("v")},
		{Key: "empty", Value: []byte{}},
		{Key: "m\x00\xff*.> %é\n", Value: []byte("\x00\xff")},
		{Key: strings.Repeat("k", 1024), Value: slices.Repeat([]byte{0}, 64<<10)},
		{Key: "gone", Value: []byte("1")},
		{Key: "gone"},
		{Key: "back", Value: []byte("1")},
		{Key: "back"},
		{Key: "back", Value: []byte("2")},
	}
	want := map[string]string{"k": "v", "empty": "", all[2].Key: "\x00\xff", all[3].Key: string(all[3].Value), "back": "2"}
	a.ok("Put", a.Put(slices.Clone(all)))
	for _, n := range nodes {
		n.until("a's entries", func() bool { return maps.Equal(n.entries[a.self.ID], want) })
	}
	b.ok("Put", b.Put(put("k", "b's own")))
	c := r.start("c")
	c.mu.Lock()
	if !maps.Equal(c.entries[a.self.ID], want) || c.entries[b.self.ID]["k"] != "b's own" {
		r.Errorf("at Rejoin c knows %.200q", fmt.Sprint(c.entries))
	}
	c.mu.Unlock()
}

func order(r *run) {
	const each = 200
	nodes := r.cluster(3)
	var waits []func() error
	for i := range each {
		for _, n := range nodes {
			waits = append(waits, n.Put([]backbone.Entry{
				{Key: "shared", Value: fmt.Append(nil, i)}, {Key: fmt.Sprint("k", i%7), Value: fmt.Append(nil, i)},
			}))
		}
	}
	for _, wait := range waits {
		nodes[0].ok("Put", wait)
	}
	for _, n := range nodes {
		n.until("everything", func() bool {
			for _, other := range nodes {
				if n.entries[other.self.ID]["shared"] != fmt.Sprint(each-1) || n.entries[other.self.ID][fmt.Sprint("k", (each-1)%7)] != fmt.Sprint(each-1) {
					return false
				}
			}
			return true
		})
	}
	// From c's Up on all have been told the same.
	since := func(n *node) (told []string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		first := slices.Index(n.told, "up "+nodes[2].self.ID)
		for i, text := range n.told[first:] {
			place := n.places[first+i]
			if i == 0 {
				place = backbone.Place{} // c is told of itself at the Place of what it found
			}
			told = append(told, fmt.Sprint(text, " at ", place.Epoch, " ", place.Number))
		}
		return told
	}
	want := since(nodes[2])
	if len(want) < 3*2*each {
		r.Errorf("%d changes were told, want each of %d", len(want), 3*2*each)
	}
	for _, n := range nodes[:2] {
		if got := since(n); !slices.Equal(got, want) {
			r.Errorf("%s was told another order than c: %d and %d changes", n.name, len(got), len(want))
		}
	}
	// Of one node in its order.
	next := make(map[string]int)
	for _, change := range want {
		var id, value string
		if n, _ := fmt.Sscanf(change, "%s \"shared\" %q", &id, &value); n == 2 {
			if value != fmt.Sprint(next[id]) {
				r.Fatalf("%s: %q out of order, want %d", id, change, next[id])
			}
			next[id]++
		}
	}
}

func closing(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	b.attach("t", nil)
	for i := range 200 {
		a.Publish("t", fmt.Append(nil, i))
		a.Put(put("k", fmt.Sprint(i)))
		if i == 100 {
			b.stop() // which has tell complain from then on
		}
	}
	a.until("b gone", func() bool { return a.gone[b.self.ID] })
	a.ok("Put", a.Put(put("end", "")))
}

func sizes(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	large := strings.Repeat("x", 256<<10)
	b.attach("t", &backbone.Retention{Events: 3})
	a.ok("Publish", a.Publish("t", []byte(large)))
	a.ok("Append", a.Append("t", &backbone.Retention{Events: 3}, []byte(large)))
	b.until("both", func() bool { t := b.topic("t"); return len(t.messages) == 1 && t.messages[0] == large && t.head == 1 })
	for what, wait := range map[string]func() error{
		"a key of 1025 bytes":      a.Put(put(strings.Repeat("k", 1025), "")),
		"a value of 64 KiB and 1":  a.Put(put("k", strings.Repeat("v", 64<<10+1))),
		"an entry among good ones": a.Put(append(put("good", "1"), put(strings.Repeat("k", 1025), "")...)),
	} {
		if wait == nil {
			r.Errorf("%s: nil outcome, want ErrTooLarge", what)
		} else if err := wait(); err != backbone.ErrTooLarge {
			r.Errorf("%s: %v, want ErrTooLarge", what, err)
		}
	}
}
