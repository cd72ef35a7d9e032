package busstream_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/membus"
	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/history/busstream"
	"github.com/gannet-io/gannet/engine/history/historytest"
	"github.com/gannet-io/gannet/frame"
)

const topic = "shop/ticker"

// A sink passes on what concerns the topic.
type sink struct {
	stream *busstream.Stream
	now    func() int64
}

func (s *sink) Message(string, []byte)                {}
func (s *sink) Attached(_ string, t backbone.Tail)    { s.stream.Attached(&t, s.now()) }
func (s *sink) Stored(_ string, e backbone.Stored)    { s.stream.Stored(&e, s.now()) }
func (s *sink) Up(backbone.Node)                      {}
func (s *sink) Changed(node string, e backbone.Entry) {}
func (s *sink) Gone(string)                           {}
func (*sink) At(backbone.Place)                       {}

func (s *sink) Rejoin(backbone.Node) {}
func (s *sink) State(bool, string)   {}
func pack(d *history.Draft) []byte {
	return []byte(fmt.Sprintf("%s|%d|%s|%v", d.Body[frame.HeaderRoom:], d.Key, d.Except, d.Void))
}
func draft(text string) *history.Draft {
	return &history.Draft{Body: append(frame.NewBuffer(40), text...)}
}
func stored(offset uint64, text string) *backbone.Stored {
	return &backbone.Stored{Offset: offset, At: 1, Message: []byte(text + "|0||false")}
}

func unpack(msg []byte) (d history.Draft) {
	parts := strings.Split(string(msg), "|")
	_, _ = fmt.Sscan(parts[1], &d.Key)
	d.Body, d.Except, d.Void = append(frame.NewBuffer(40), parts[0]...), parts[2], parts[3] == "true"
	return d
}

// A stepped stream is one whose net moves whenever it is asked for something, and whose waits have seen the delivery.
type stepped struct {
	*busstream.Stream
	net *membus.Net
}

func (s *stepped) Append(d *history.Draft, now int64) func() error {
	s.net.Advance(time.Duration(now - s.net.Now().UnixNano()))
	wait := s.Stream.Append(d, now)
	for s.net.Step() {
	}
	return wait
}

// start attaches a new stream to the log of topic in net.
func start(t *testing.T, net *membus.Net, name string, w history.Wiring, broken func(before, after history.Position, follow int)) *stepped {
	t.Helper()
	bus := net.Node(name)
	keep := &backbone.Retention{Events: 1000}
	s := busstream.New(busstream.Config{Bus: bus, Topic: topic, Keep: keep, Pack: pack, Unpack: unpack, Broken: broken}, w)
	if s.Told() {
		t.Error("something is known of the log")
	}
	if err := bus.Start(context.Background(), &sink{s, func() int64 { return net.Now().UnixNano() }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close(context.Background()) })
	bus.Attach(topic, keep)
	for net.Step() {
	}
	if !s.Told() {
		t.Fatal("the bus has not told the end of the log")
	}
	return &stepped{s, net}
}

func newNet(t *testing.T) *membus.Net {
	net := membus.NewStepped(rand.New(rand.NewPCG(1, 2)))
	t.Cleanup(net.Close)
	return net
}

func TestStream(t *testing.T) {
	historytest.Run(t, func(t *testing.T, w history.Wiring) history.Stream {
		return start(t, newNet(t), "a", w, nil)
	})
}

// A log is the record of what a stream told its owner.
type log struct{ lines []string }

func (l *log) wiring() history.Wiring {
	return history.Wiring{
		Limits: history.Limits{Events: 4}, Seal: historytest.Seal,
		Deliver: func(_ *history.Draft, e history.Event) {
			l.lines = append(l.lines, fmt.Sprintf("%s at %d", e.Frame.Payload(), e.At))
		},
	}
}

func (l *log) broken(before, after history.Position, follow int) {
	l.lines = append(l.lines, fmt.Sprintf("broken from %v to %v, %d follow", before, after, follow))
}

func (l *log) is(t *testing.T, what string, lines ...string) {
	t.Helper()
	if !slices.Equal(l.lines, lines) {
		t.Errorf("%s: %q, want %q", what, l.lines, lines)
	}
	l.lines = nil
}

func TestEveryNodeHasTheSameStream(t *testing.T) {
	net := newNet(t)
	var first, second log
	a := start(t, net, "a", first.wiring(), first.broken)
	for i := range 3 {
		if err := a.Append(draft(fmt.Sprint(i+1)), net.Now().UnixNano())(); err != nil {
			t.Fatal(err)
		}
	}
	b := start(t, net, "b", second.wiring(), second.broken)
	if err := b.Append(draft("4"), net.Now().UnixNano())(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.lines, second.lines) || len(first.lines) != 4 {
		t.Errorf("one node was told %q, another %q", first.lines, second.lines)
	}
	if a.Head() != b.Head() || a.Head().Offset != 4 {
		t.Errorf("one stands at %v, the other at %v", a.Head(), b.Head())
	}
}

// alone returns a stream that is told what the test says.
func alone(l *log) *busstream.Stream {
	return busstream.New(busstream.Config{Pack: pack, Unpack: unpack, Broken: l.broken}, l.wiring())
}

func TestAnEventPublishedAgainIsNoEvent(t *testing.T) {
	var l log
	cfg := busstream.Config{
		Broken: l.broken,
		Unpack: func(msg []byte) history.Draft {
			id, text, _ := strings.Cut(string(msg), "|")
			return history.Draft{ID: id, Body: append(frame.NewBuffer(40), text...)}
		},
		Void: func(d *history.Draft) { d.Body = append(d.Body[:frame.HeaderRoom], "void"...) },
	}
	s := busstream.New(cfg, l.wiring()) // which keeps 4 events
	event := func(offset uint64, id, text string) *backbone.Stored {
		return &backbone.Stored{Offset: offset, At: 1, Message: []byte(id + "|" + text)}
	}
	s.Attached(tail("E", 2, event(1, "x", "a"), event(2, "", "b")), 1)
	s.Stored(event(3, "x", "a"), 1)
	s.Stored(event(4, "", "b"), 1)
	l.is(t, "the same again", "a@E-1 at 1", "b@E-2 at 1", "void@E-3 at 1", "b@E-4 at 1")
	s.Stored(event(5, "y", "c"), 1)
	s.Stored(event(6, "x", "a"), 1)
	l.is(t, "when the first is gone", "c@E-5 at 1", "a@E-6 at 1")
	s.Attached(tail("F", 0), 1)
	s.Stored(event(1, "y", "c"), 1)
	l.is(t, "in another log", "broken from E-6 to F-0, 0 follow", "c@F-1 at 1")
}

func tail(epoch string, head uint64, events ...*backbone.Stored) *backbone.Tail {
	t := &backbone.Tail{Epoch: epoch, Head: head}
	for _, e := range events {
		t.Stored = append(t.Stored, *e)
	}
	return t
}

func TestWhatTheBusTells(t *testing.T) {
	var l log
	s := alone(&l)
	s.Stored(stored(1, "too soon"), 1)
	l.is(t, "before the first tail")
	if s.Head() != (history.Position{}) {
		t.Errorf("an unknown log stands at %v", s.Head())
	}

	s.Attached(tail("E", 7, stored(6, "f"), stored(7, "g")), 1)
	l.is(t, "the first tail", "f@E-6 at 1", "g@E-7 at 1")
	s.Stored(stored(7, "g"), 1)
	l.is(t, "one that is there")
	s.Stored(stored(8, "h"), 1)
	l.is(t, "the next", "h@E-8 at 1")

	s.Attached(tail("E", 8), 1)
	l.is(t, "a tail without anything new")
	s.Attached(tail("E", 10, stored(7, "g"), stored(8, "h"), stored(9, "i"), stored(10, "j")), 1)
	l.is(t, "a tail that joins", "i@E-9 at 1", "j@E-10 at 1")
	if got := s.Oldest(1); got != 7 {
		t.Errorf("what was there before is gone: the oldest is %d", got)
	}

	s.Attached(tail("E", 20, stored(19, "s"), stored(20, "t")), 1)
	l.is(t, "a tail behind a hole", "broken from E-10 to E-18, 2 follow", "s@E-19 at 1", "t@E-20 at 1")
	if got := s.Oldest(1); got != 19 {
		t.Errorf("the oldest behind a hole is %d", got)
	}
	s.Attached(tail("E", 25), 1)
	l.is(t, "a hole and nothing behind it", "broken from E-20 to E-25, 0 follow")
	s.Stored(stored(28, "z"), 1)
	l.is(t, "an event behind a hole", "broken from E-25 to E-27, 1 follow", "z@E-28 at 1")

	s.Attached(tail("E", 3, stored(3, "c")), 1)
	l.is(t, "a log that went back", "broken from E-28 to E-2, 1 follow", "c@E-3 at 1")
	s.Attached(tail("F", 1, stored(1, "a")), 1)
	l.is(t, "another log", "broken from E-3 to F-0, 1 follow", "a@F-1 at 1")
	if _, _, err := s.Read(nil, history.Position{Epoch: "E", Offset: 3}, 0, 1000, 1); err != history.ErrEpoch {
		t.Errorf("a place of the lost log: %v", err)
	}
	s.Attached(tail("G", 0), 1)
	l.is(t, "a new log", "broken from F-1 to G-0, 0 follow")
	s.Stored(stored(1, "a"), 1)
	l.is(t, "its first", "a@G-1 at 1")
}
