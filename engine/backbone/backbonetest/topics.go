package backbonetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

func messages(r *run) {
	const each = 300
	nodes := r.cluster(3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	for _, n := range nodes {
		n.attach("t", nil)
	}
	b.attach("only b", nil)
	for i := range each {
		a.Publish("t", fmt.Append(nil, "a", i))
		b.Publish("t", fmt.Append(nil, "b", i))
		a.ok("Publish", a.Publish("only b", fmt.Append(nil, i)))
	}
	a.ok("Publish", a.Publish("nobody", []byte("lost")))
	of := func(n *node, sender string) (all []string) {
		for _, m := range n.topic("t").messages {
			if strings.HasPrefix(m, sender) {
				all = append(all, m)
			}
		}
		return all
	}
	sequence := func(sender string) (all []string) {
		for i := range each {
			all = append(all, fmt.Sprint(sender, i))
		}
		return all
	}
	c.until("everything, in order", func() bool {
		return slices.Equal(of(c, "a"), sequence("a")) && slices.Equal(of(c, "b"), sequence("b"))
	})
	a.until("what b sent and nothing else", func() bool { return slices.Equal(a.topic("t").messages, sequence("b")) })
	b.until("what a sent and nothing else", func() bool { return slices.Equal(b.topic("t").messages, sequence("a")) })
	b.until("the topic of b alone", func() bool { return slices.Equal(b.topic("only b").messages, sequence("")) })
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.topics) != 1 {
		r.Errorf("a was told of topics that it is not attached to: %v", a.summary())
	}
}

func names(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	keep := &backbone.Retention{Events: 10}
	all := []string{"a", "a.b", "a.*", "*", ">", "a b", "A", "\x00", "é", "%", "%25", "$JS", "a:b{c}", "\xff", "presence-x;y=1,2@z", strings.Repeat("x", 300), strings.Repeat(".", 300)}
	for _, name := range all {
		b.attach(name, keep)
	}
	for _, name := range all {
		a.ok("Publish", a.Publish(name, []byte(name)))
		a.ok("Append", a.Append(name, keep, []byte(name)))
	}
	for _, name := range all {
		b.until(fmt.Sprintf("a message and a stored one of %q", name), func() bool {
			t := b.topic(name)
			return slices.Equal(t.messages, []string{name}) && slices.Equal(texts(t.stored), []string{name})
		})
	}
}

func attaching(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	for i := range 100 {
		name := fmt.Sprint("t", i)
		b.attach(name, nil)
		a.ok("Publish", a.Publish(name, []byte("first")))
	}
	for i := range 100 {
		name := fmt.Sprint("t", i)
		b.until("the first message of "+name, func() bool { return len(b.topic(name).messages) == 1 })
	}
}

func detaching(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	keep := &backbone.Retention{Events: 10}
	b.attach("t", keep)
	b.attach("fence", nil)
	a.ok("Append", a.Append("t", keep, []byte("1")))
	b.until("the first", func() bool { return b.topic("t").head == 1 })
	b.Detach("t")
	// That the backbone knows is seen by another attachment, which it learns of later.
	b.attach("later", nil)
	for i := range 3 {
		a.ok("Append", a.Append("t", keep, fmt.Append(nil, i+2)))
		a.ok("Publish", a.Publish("t", []byte("x")))
	}
	a.ok("Publish", a.Publish("fence", []byte("x")))
	b.until("the fence", func() bool { return len(b.topic("fence").messages) == 1 })
	b.attach("t", keep)
	b.until("the tail", func() bool { return slices.Equal(texts(b.topic("t").stored), []string{"1", "2", "3", "4"}) })
	if n := len(b.topic("t").messages); n != 0 {
		r.Errorf("%d messages of a topic that b was not attached to", n)
	}
	a.ok("Append", a.Append("t", keep, []byte("5")))
	b.until("the fifth", func() bool { return b.topic("t").head == 5 })
}

func logs(r *run) {
	const each = 150
	nodes := r.cluster(3)
	keep := &backbone.Retention{Events: 10 * each}
	for _, n := range nodes[:2] { // c only writes
		n.attach("t", keep)
	}
	var all sync.WaitGroup
	for _, n := range nodes {
		all.Go(func() {
			var waits []func() error
			for i := range each {
				waits = append(waits, n.Append("t", keep, fmt.Append(nil, n.name, i)))
			}
			for _, wait := range waits {
				if wait == nil {
					continue
				}
				if err := wait(); err != nil {
					r.Errorf("%s: Append: %v", n.name, err)
				}
			}
		})
	}
	all.Wait()
	a, b, c := nodes[0], nodes[1], nodes[2]
	for _, n := range nodes[:2] {
		n.until("everything", func() bool { return n.topic("t").head == 3*each && len(n.topic("t").stored) == 3*each })
	}
	if !slices.Equal(texts(a.topic("t").stored), texts(b.topic("t").stored)) || a.topic("t").epoch != b.topic("t").epoch {
		r.Errorf("a and b were told different logs")
	}
	next := make(map[byte]int)
	for _, text := range texts(a.topic("t").stored) {
		if want := fmt.Sprint(string(text[0]), next[text[0]]); text != want {
			r.Fatalf("%q where %q was to come", text, want)
		}
		next[text[0]]++
	}
	c.attach("t", keep)
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.topic("t"); t.head != 3*each || t.epoch != a.topic("t").epoch || !slices.Equal(texts(t.stored), texts(a.topic("t").stored)) {
		r.Errorf("who attaches later is told another log: %v", c.summary())
	}
}

func tails(r *run) {
	const count = 400
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	keep := &backbone.Retention{Events: 2 * count}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range count {
			if wait := a.Append("t", keep, fmt.Append(nil, i)); wait != nil {
				if err := wait(); err != nil {
					r.Errorf("Append: %v", err)
				}
			}
		}
	}()
	// While it runs: each time the tail and what follows must make a whole, which the node checks.
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		b.attach("t", keep)
		b.Detach("t")
	}
	b.attach("t", keep)
	b.until("everything", func() bool { return b.topic("t").head == count })
	for i, text := range texts(b.topic("t").stored) {
		if text != fmt.Sprint(i) {
			r.Fatalf("at %d: %q", i+1, text)
		}
	}
}

func retention(r *run) {
	nodes := r.cluster(2)
	a, b := nodes[0], nodes[1]
	keep := &backbone.Retention{Events: 3}
	for i := range 10 {
		a.ok("Append", a.Append("short", keep, fmt.Append(nil, i+1)))
	}
	b.attach("short", keep)
	if t := b.topic("short"); t.head != 10 || !slices.Equal(texts(t.stored), []string{"8", "9", "10"}) {
		r.Errorf("a log of 3 after 10: %v", b.summary())
	}
	b.attach("empty", keep)
	if t := b.topic("empty"); t.tail.Head != 0 || t.tail.Epoch == "" {
		r.Errorf("a log that nothing was added to: %v, want an epoch and no head", b.summary())
	}

	keep = &backbone.Retention{Events: 10, Age: time.Second}
	a.ok("Append", a.Append("old", keep, []byte("1")))
	late := time.Now().Add(r.Patience)
	for {
		b.attach("old", keep)
		b.mu.Lock()
		t := *b.topic("old")
		b.mu.Unlock()
		if t.head != 1 {
			r.Fatalf("the head of a log whose messages are gone is %d, want 1", t.head)
		}
		if len(t.stored) == 0 {
			break
		}
		if time.Now().After(late) {
			r.Fatalf("a message of %v ago is still there, and %v is to be kept", time.Since(time.Unix(0, t.stored[0].At)), keep.Age)
		}
		b.Detach("old")
	}
	a.ok("Append", a.Append("old", keep, []byte("2")))
	b.until("the second", func() bool { return b.topic("old").head == 2 })
}
