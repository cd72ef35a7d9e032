package hub_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame/frametest"
)

// paced lets publishers run as fast as the loops do: each turn of work allows a few more
// publishes, which lead to another turn. It must be called before the first conn.
func paced(r *room) <-chan struct{} {
	pace := make(chan struct{}, 32)
	r.work = func(*engine.Loop) {
		for range 8 {
			select {
			case pace <- struct{}{}:
			default:
			}
		}
	}
	return pace
}

// While publishers run, each subscriber gets its first frames, then every message published
// after it joined, in one order for all, up to its leave, and nothing behind it. The number
// of the last message is the topic's state.
func TestNothingIsMissedBetweenJoinAndLeave(t *testing.T) {
	r := newRoom(t, 3)
	stop, pace := make(chan struct{}), paced(r)
	clients := make([]*client, 9)
	for i := range clients {
		clients[i] = r.dial()
	}
	count := func(t *hub.Topic) int { n, _ := t.State.(int); return n }
	r.topic("topic", func(t *hub.Topic) { t.Keep = true })
	var publishers, subscribers sync.WaitGroup
	for range 3 {
		publishers.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-pace:
				}
				r.topic("topic", func(t *hub.Topic) {
					n := count(t) + 1
					t.State = n
					t.Publish(text(strconv.Itoa(n)), 0)
				})
			}
		})
	}
	const rounds = 30
	for _, c := range clients {
		subscribers.Go(func() {
			for range rounds {
				var at int
				r.topic("topic", func(t *hub.Topic) {
					at = count(t)
					t.Join(c.id, text("first"), text("second"), text(strconv.Itoa(at)))
				})
				c.want("first", "second", strconv.Itoa(at))
				for range 20 {
					at++
					c.want(strconv.Itoa(at))
				}
				var last int
				r.topic("topic", func(t *hub.Topic) {
					last = count(t)
					t.Leave(c.id)
					t.Send(c.id, text("left"))
				})
				for at++; at <= last; at++ {
					c.want(strconv.Itoa(at))
				}
				c.want("left")
			}
		})
	}
	subscribers.Wait()
	close(stop)
	publishers.Wait()
	if r.Topics() != 1 {
		t.Errorf("%d topics, want the one that is kept", r.Topics())
	}
	r.topic("topic", func(t *hub.Topic) { t.Keep = false })
	if r.Topics() != 0 {
		t.Errorf("%d topics are left", r.Topics())
	}
	if n := r.settled(); n != 0 {
		t.Errorf("%d lists are left", n)
	}
}

func TestExceptIsLeftOut(t *testing.T) {
	r := newRoom(t, 2)
	a, b, c := r.dial(), r.dial(), r.dial()
	for _, c := range []*client{a, b, c} {
		r.topic("topic", func(t *hub.Topic) { t.Join(c.id) })
	}
	r.publish("topic", "to b and c", a.id)
	r.publish("topic", "to all", 0)
	r.publish("topic", "to all too", c.id|1<<30) // another generation of the slot: somebody gone
	r.publish("other", "to nobody", 0)
	r.Send(0, []engine.ID{a.id}, text("to a alone"))()
	r.Send(0, []engine.ID{a.id | 1<<30}, text("to nobody"))()
	r.Send(0, []engine.ID{1 << 51}, text("to no loop"))()
	a.want("to all", "to all too", "to a alone")
	b.want("to b and c", "to all", "to all too")
	c.want("to b and c", "to all", "to all too")
}

func TestTopicsAreForgottenUnlessKept(t *testing.T) {
	r := newRoom(t, 1)
	c := r.dial()
	keys := func() (n int) { r.Keys(func(string) bool { n++; return true }); return n }
	r.topic("a", func(t *hub.Topic) {
		if t.Key() != "a" || t.Count() != 0 || t.State != nil {
			r.t.Errorf("a new topic is %q, %d, %v", t.Key(), t.Count(), t.State)
		}
	})
	if r.Topics() != 0 || keys() != 0 || r.Find([]byte("a")) != nil {
		t.Error("a topic without subscribers is remembered")
	}
	r.topic("a", func(t *hub.Topic) { t.Join(c.id); t.State = "mine" })
	r.topic("b", func(t *hub.Topic) { t.Keep = true })
	if r.Topics() != 2 || keys() != 2 {
		t.Errorf("%d topics, want 2", r.Topics())
	}
	if n := r.settled(); n != 1 {
		t.Errorf("%d lists, want 1", n)
	}
	topic := r.Find([]byte("a"))
	if topic == nil || topic.State != "mine" || topic.Count() != 1 {
		t.Fatal("topic a is not what it was")
	}
	topic.Leave(c.id)
	r.Release(topic)
	r.topic("b", func(t *hub.Topic) { t.Keep = false })
	if r.Topics() != 0 || keys() != 0 {
		t.Errorf("%d topics are left", r.Topics())
	}
	if n := r.settled(); n != 0 {
		t.Errorf("%d lists are left", n)
	}
}

// Conns come, join, leave and vanish while others publish, and slots are reused at once. No
// conn may hear what it did not ask for: each joins topics named in its messages, whose
// frames carry the topic's name.
func TestJoinsAndLeavesMayRaceWithClosing(t *testing.T) {
	r := newRoom(t, 2)
	stop, pace := make(chan struct{}), paced(r)
	go func() {
		for range r.opened { // ends with the test's last conn
		}
	}()
	defer func() { close(r.opened) }()
	r.message = func(c *engine.Conn, payload string) {
		mine, _ := c.Data.(map[string]bool)
		if mine == nil {
			mine = make(map[string]bool)
			c.Data = mine
		}
		switch payload {
		case "close":
			c.Close(1000, "", text("end"))
			return
		case "end":
			c.Send(text("end"))
			return
		}
		key := payload[1:]
		r.topic(key, func(t *hub.Topic) {
			switch {
			case payload[0] == '+' && !mine[key]:
				mine[key] = true
				t.Join(c.ID(), text(key))
			case payload[0] == '-' && mine[key]:
				delete(mine, key)
				t.Leave(c.ID())
			}
		})
	}
	r.closed = func(c *engine.Conn) {
		mine, _ := c.Data.(map[string]bool)
		for key := range mine {
			topic := r.Find([]byte(key))
			topic.Leave(c.ID())
			r.Release(topic)
		}
	}
	r.accept()
	var publishers, clients sync.WaitGroup
	for p := range 2 {
		publishers.Go(func() {
			for i := p; ; i++ {
				select {
				case <-stop:
					return
				case <-pace:
					key := fmt.Sprintf("%d/%d", i%4, i%3)
					r.publish(key, key, 0)
				}
			}
		})
	}
	for w := range 4 {
		clients.Go(func() {
			for i := range 60 {
				conn, err := net.Dial("tcp", r.ln.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				c := &client{Conn: conn, t: t}
				var in strings.Builder
				in.WriteString(request)
				for j := range 6 { // this worker's topics only
					in.WriteString(masked(fmt.Sprintf("+%d/%d", w, j%3)))
					if (i+j)%4 == 0 {
						in.WriteString(masked(fmt.Sprintf("-%d/%d", w, j%3)))
					}
				}
				in.WriteString(masked([]string{"close", "end", "end"}[i%3]))
				_, _ = io.WriteString(conn, in.String())
				_ = conn.SetDeadline(time.Now().Add(patience))
				if _, err := io.CopyN(io.Discard, conn, acceptedBytes); err != nil {
					t.Error(err)
				}
				for r := bufio.NewReader(conn); ; {
					f, err := frametest.Read(r)
					if err != nil {
						t.Error(err)
						break
					}
					if string(f.Payload) == "end" {
						break
					}
					if len(f.Payload) != 3 || f.Payload[0] != '0'+byte(w) {
						t.Errorf("a conn of topics %d/ got %q", w, f.Payload)
					}
				}
				if i%2 == 0 {
					c.reset()
				} else {
					_ = conn.Close()
				}
			}
		})
	}
	clients.Wait()
	close(stop)
	publishers.Wait()
	eventually(t, func() bool { return r.Conns() == 0 }, "conns are left")
	if n := r.Topics(); n != 0 {
		t.Errorf("%d topics are left", n)
	}
	if n := r.settled(); n != 0 {
		t.Errorf("%d lists are left", n)
	}
}

// masked is a client's text frame with the mask 0, for up to 125 bytes.
func masked(s string) string {
	return "\x81" + string([]byte{0x80 | byte(len(s))}) + "\x00\x00\x00\x00" + s
}

// A frame for one conn must not wait for the end of a fan-out to many, neither behind it in
// the mailbox nor published while it runs. The loop is held between two turns of the fan-out
// (256 sends each).
func TestASmallPublishOvertakesABigOne(t *testing.T) {
	r := newRoom(t, 1)
	held, release := make(chan struct{}), make(chan struct{})
	holding := false // owned by the loop
	r.work = func(*engine.Loop) {
		if holding {
			held <- struct{}{}
			<-release
		}
	}
	const many = 1200
	crowd := make([]*client, many)
	for i := range crowd {
		crowd[i] = r.dial()
		r.topic("big", func(t *hub.Topic) { t.Join(crowd[i].id) })
	}
	small := r.dial()
	r.topic("small", func(t *hub.Topic) { t.Join(small.id, text("joined")) })
	small.want("joined")
	r.on(0, func(*engine.Loop) {
		r.publish("big", "big", 0)
		r.publish("small", "behind it", 0)
		holding = true
	})
	turn := func() { wait(t, held, "a turn") }
	turn()
	release <- struct{}{} // the publishes become sends
	turn()
	small.want("behind it")
	if n := unserved(t, crowd); n == 0 {
		t.Error("the fan-out was over before the small frame left")
	}
	r.publish("small", "during it", 0)
	release <- struct{}{}
	turn()
	small.want("during it")
	if n := unserved(t, crowd); n == 0 {
		t.Error("the fan-out was over before the frame published meanwhile left")
	}
	holding = false // the loop waits
	release <- struct{}{}
	for _, c := range crowd {
		c.want("big")
	}
}

// unserved counts the clients for whom nothing has come.
func unserved(t *testing.T, clients []*client) (n int) {
	t.Helper()
	for _, c := range clients {
		sc, err := c.Conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if cerr := sc.Control(func(fd uintptr) {
			_, _, err = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		}); cerr != nil || err != nil && err != unix.EAGAIN {
			t.Fatal(err, cerr)
		}
		if err == unix.EAGAIN && c.r.Buffered() == 0 {
			n++
		}
	}
	return n
}

// A publish that reaches nobody, such as a client event in a channel of one, is not measured:
// nothing would ever end the measurement.
func TestPublishesToNobodyAreNotMeasured(t *testing.T) {
	r := newRoom(t, 1)
	c := r.dial()
	r.topic("topic", func(t *hub.Topic) { t.Join(c.id) })
	for range 100 {
		r.publish("topic", "to nobody", c.id)
	}
	r.settled()
	r.on(0, func(l *engine.Loop) {
		if n := r.Unmeasured(l); n != 0 {
			t.Errorf("%d publishes wait to be measured", n)
		}
	})
}

// A mailbox full of deliveries must not become a mountain of links: the loop sends before it
// takes more.
func TestAStormOfPublishesIsTakenInParts(t *testing.T) {
	r := newRoom(t, 1)
	most, left := 0, 0
	r.flushed = func(l *engine.Loop) { most = max(most, r.Waiting(l)) }
	a := r.dial()
	for _, key := range []string{"x", "y"} {
		r.topic(key, func(t *hub.Topic) { t.Join(a.id) })
	}
	go func() { _, _ = io.Copy(io.Discard, a.Conn) }()
	f := text("")
	const storm = 1<<20 + 200_000
	r.on(0, func(l *engine.Loop) {
		// Messages of one topic in a row would be put together.
		r.topic("x", func(x *hub.Topic) {
			r.topic("y", func(y *hub.Topic) {
				for range storm / 2 {
					x.Publish(f, 0)
					y.Publish(f, 0)
				}
			})
		})
	})
	eventually(t, func() bool {
		r.on(0, func(l *engine.Loop) { left = r.Waiting(l) })
		return left == 0 && strings.Contains(prometheus(r), "gannet_hub_deliveries_total "+strconv.Itoa(storm))
	}, "the rest is not delivered")
	r.on(0, func(*engine.Loop) {
		if most == 0 {
			t.Error("all was taken at once")
		}
	})
}

func prometheus(r *room) string {
	var b strings.Builder
	r.set.WritePrometheus(&b)
	return b.String()
}

func TestMetricsCountTopicsSubscriptionsAndDeliveries(t *testing.T) {
	r := newRoom(t, 2)
	a, b := r.dial(), r.dial()
	r.topic("x", func(t *hub.Topic) { t.Join(a.id); t.Join(b.id) })
	r.topic("y", func(t *hub.Topic) { t.Join(b.id) })
	for i, p := range []struct {
		key    string
		except engine.ID
	}{{"x", 0}, {"x", a.id}, {"y", 0}, {"y", b.id}} {
		r.publish(p.key, strconv.Itoa(i), p.except)
		r.settled() // or they would be measured together
	}
	for _, want := range []string{"gannet_hub_topics 2\n", "gannet_hub_subscriptions 3\n", "gannet_hub_deliveries_total 4\n",
		"gannet_hub_publish_to_sent_seconds_count 4\n"} { // the first on either loop, the last on none
		if got := prometheus(r); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
