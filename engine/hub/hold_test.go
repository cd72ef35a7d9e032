package hub_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
)

// A past is the state of a topic whose messages are kept: all of them, each with its number.
type past struct{ frames []*frame.Prepared }

func pastOf(t *hub.Topic) *past {
	p, ok := t.State.(*past)
	if !ok {
		p = new(past)
		t.State = p
	}
	return p
}

func (p *past) publish(t *hub.Topic, except engine.ID) {
	n := strconv.Itoa(len(p.frames))
	f := text(n)
	p.frames = append(p.frames, f)
	t.PublishStream(f, except, text("not "+n))
}

// While publishers run, a subscriber that is fed the past a few messages at a time gets every message from the first on,
// once and in order, and messages that are not of the stream meanwhile.
func TestFeedingAndLiveMeetWithoutASeam(t *testing.T) {
	r := newRoom(t, 3)
	stop, pace := make(chan struct{}), paced(r)
	const clients, piece = 9, 3
	var mu sync.Mutex
	at := make(map[engine.ID]int) // how much of the past each has been fed, while it is held
	pieces := 0
	r.sent = func(c *engine.Conn) {
		r.topic("topic", func(t *hub.Topic) {
			mu.Lock()
			defer mu.Unlock()
			from, held := at[c.ID()]
			if !held {
				return
			}
			rest := pastOf(t).frames[from:]
			last := len(rest) <= piece
			rest = rest[:min(piece, len(rest))]
			t.Feed(c.ID(), last, rest)
			pieces++
			if at[c.ID()] = from + len(rest); last {
				delete(at, c.ID())
			}
		})
	}
	all := make([]*client, clients)
	for i := range all {
		all[i] = r.dial()
	}
	r.topic("topic", func(t *hub.Topic) { t.Keep = true })
	var publishers, subscribers sync.WaitGroup
	for i := range 3 {
		publishers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-pace:
				}
				r.topic("topic", func(t *hub.Topic) {
					pastOf(t).publish(t, 0)
					if i == 0 && n%10 == 0 {
						t.Publish(text("aside"), 0)
					}
				})
			}
		})
	}
	for i, c := range all {
		subscribers.Go(func() {
			for round := range 12 {
				from := 0
				r.topic("topic", func(t *hub.Topic) {
					frames := pastOf(t).frames
					from = max(0, len(frames)-40*round)
					mu.Lock()
					at[c.id] = from
					mu.Unlock()
					t.JoinFed(c.id, true, text("joined"))
				})
				c.want("joined")
				for want := from; want < from+100+40*round; {
					switch got := c.read(); got {
					case "aside":
					case strconv.Itoa(want):
						want++
					default:
						t.Errorf("client %d: got %q, want %d", i, got, want)
						return
					}
				}
				r.topic("topic", func(t *hub.Topic) {
					mu.Lock()
					delete(at, c.id)
					mu.Unlock()
					t.Leave(c.id)
					t.Send(c.id, text("left"))
				})
				for c.read() != "left" {
				}
			}
		})
	}
	subscribers.Wait()
	close(stop)
	publishers.Wait()
	r.topic("topic", func(t *hub.Topic) { t.Keep = false })
	if n := r.settled(); n != 0 {
		t.Errorf("%d lists are left", n)
	}
	for i := range r.Loops() {
		r.on(i, func(l *engine.Loop) {
			if n := r.Held(l); n != 0 {
				t.Errorf("%d topics are held", n)
			}
		})
	}
	if mu.Lock(); pieces < 100 {
		t.Errorf("%d pieces were fed: the test tests little", pieces)
	}
	mu.Unlock()
}

func TestAHeldConnGetsWhatIsNotOfTheStream(t *testing.T) {
	r := newRoom(t, 1)
	held, other := r.dial(), r.dial()
	r.topic("topic", func(t *hub.Topic) {
		t.Join(other.id)
		t.JoinFed(held.id, true, text("first"), text("second"))
		if t.Count() != 2 {
			r.t.Errorf("%d subscribers", t.Count())
		}
		p := pastOf(t)
		p.publish(t, 0)
		t.Publish(text("roster"), 0)
		t.Publish(text("its own"), held.id)
		p.publish(t, 0)
		t.Feed(held.id, false, p.frames[:1])
		p.publish(t, 0)
		t.Feed(held.id, true, p.frames[1:])
		p.publish(t, 0)
		t.Publish(text("roster"), 0)
		t.Feed(held.id, true, p.frames) // nobody is held any more
	})
	held.want("first", "second", "roster", "0", "1", "2", "3", "roster")
	other.want("0", "roster", "its own", "1", "2", "3", "roster")
	if n := r.settled(); n != 1 {
		t.Errorf("%d lists, want 1", n)
	}
}

// Whoever leaves or closes while it is held leaves nothing behind, and gets nothing more.
func TestAHoldEndsWithTheSubscription(t *testing.T) {
	r := newRoom(t, 1)
	a, b, c := r.dial(), r.dial(), r.dial()
	forgotten := make(chan struct{})
	r.closed = func(*engine.Conn) { close(forgotten) }
	r.topic("topic", func(t *hub.Topic) {
		for _, c := range []*client{a, b, c} {
			t.JoinFed(c.id, true)
		}
		pastOf(t).publish(t, 0)
		t.Leave(a.id)
		t.Feed(a.id, true, pastOf(t).frames)
		t.Publish(text("to b and c"), 0)
		t.Send(a.id, text("left"))
	})
	a.want("left")
	b.want("to b and c")
	c.want("to b and c")
	b.reset()
	wait(t, forgotten, "Closed")
	r.topic("topic", func(t *hub.Topic) {
		t.Leave(b.id)
		t.Feed(b.id, true, pastOf(t).frames)
		t.Feed(c.id, true, pastOf(t).frames)
		t.Publish(text("end"), 0)
	})
	c.want("0", "end")
	r.topic("topic", func(t *hub.Topic) {
		t.Leave(c.id)
		t.Send(c.id, text("left"))
	})
	c.want("left")
	if n := r.settled(); n != 0 || r.Topics() != 0 {
		t.Errorf("%d lists and %d topics are left", n, r.Topics())
	}
}

// The publisher's own conn gets what stands for its message, if it wants notices, is in the topic and is not held.
func TestSomethingTakesThePlaceOfAnExceptedMessage(t *testing.T) {
	r := newRoom(t, 2)
	told, untold, held, outside := r.dial(), r.dial(), r.dial(), r.dial()
	for _, c := range []*client{told, held, outside} {
		r.on(c.id.Loop(), func(l *engine.Loop) { l.Find(c.id).WantNotices() })
	}
	r.topic("topic", func(t *hub.Topic) {
		t.Join(told.id)
		t.Join(untold.id)
		t.JoinFed(held.id, true)
		for _, c := range []*client{told, untold, held, outside} {
			pastOf(t).publish(t, c.id)
		}
		pastOf(t).publish(t, 1<<51) // of no loop
		t.PublishStream(text("in silence"), told.id, nil)
		t.Publish(text("end"), 0)
		t.Send(outside.id, text("end"))
	})
	told.want("not 0", "1", "2", "3", "4", "end")
	untold.want("0", "2", "3", "4", "in silence", "end")
	held.want("end")
	outside.want("end")
}
