// Package historytest is the contract of history.Stream as tests, for every implementation.
package historytest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/frame"
)

// second is the unit of the tests' clock.
const second = int64(1e9)

// A bench is one stream under test.
type bench struct {
	history.Stream
	t         *testing.T
	now       int64
	delivered []history.Event
}

// Run tests the streams that open makes, a new topic each time. A stream that delivers late must have delivered when the
// wait of Append has returned; Lock just calls what it is given.
func Run(t *testing.T, open func(t *testing.T, w history.Wiring) history.Stream) {
	start := func(t *testing.T, l history.Limits) *bench {
		b := &bench{t: t, now: 1_700_000_000 * second}
		b.Stream = open(t, history.Wiring{Limits: l, Seal: Seal, Lock: func(f func()) { f() }, Deliver: func(_ *history.Draft, e history.Event) {
			b.delivered = append(b.delivered, e)
		}})
		return b
	}
	for _, c := range []struct {
		claim string
		test  func(b *bench)
		limit history.Limits
	}{
		{"places follow each other from 1 and events are delivered with them", places, history.Limits{Events: 10}},
		{"a reader gets everything behind his place and nothing twice", reading, history.Limits{Events: 10}},
		{"a reader who takes little at a time gets the same", pieces, history.Limits{Events: 100}},
		{"what is gone is not passed over in silence", gone, history.Limits{Events: 3}},
		{"events are gone when they are old", age, history.Limits{Events: 100, Age: 10 * second}},
		{"with keys the newest of each is kept apart", keys, history.Limits{Events: 2, Keys: 3}},
		{"keys alone keep no past", keysAlone, history.Limits{Events: -1, Keys: 3, KeyAge: 10 * second}},
		{"an event for nobody is the newest of nothing", void, history.Limits{Events: 10, Keys: 3}},
		{"a cleared stream goes on where it was", cleared, history.Limits{Events: 10, Keys: 3}},
		{"a place of another stream is no place", strange, history.Limits{Events: 10}},
		{"who must not get an event is remembered", excepted, history.Limits{Events: 10}},
	} {
		t.Run(c.claim, func(t *testing.T) { c.test(start(t, c.limit)) })
	}
}

// Seal makes a frame of what the draft says and its place.
func Seal(d *history.Draft, p history.Position) *frame.Prepared {
	return frame.Prepare(frame.Text, p.Append(append(d.Body, '@')))
}

// append appends an event whose text is text.
func (b *bench) append(text string, key uint64, except string) {
	b.t.Helper()
	d := &history.Draft{Body: append(frame.NewBuffer(len(text)+40), text...), Key: key, Except: except}
	if wait := b.Append(d, b.now); wait != nil {
		if err := wait(); err != nil {
			b.t.Fatal(err)
		}
	}
}

// numbers appends events from first to last, each with its number as its text.
func (b *bench) numbers(first, last int) {
	b.t.Helper()
	for i := first; i <= last; i++ {
		b.append(fmt.Sprint(i), 0, "")
	}
}

// at returns a place of the stream.
func (b *bench) at(offset uint64) history.Position {
	return history.Position{Epoch: b.Head().Epoch, Offset: offset}
}

// is compares events with texts such as "5", whose places have the given offsets.
func (b *bench) is(what string, got []history.Event, offsets ...uint64) {
	b.t.Helper()
	var have []uint64
	for _, e := range got {
		have = append(have, e.Offset)
		if want := fmt.Sprintf("%d@%v", e.Offset, b.at(e.Offset)); string(e.Frame.Payload()) != want {
			b.t.Errorf("%s: the frame at %d is %q, want %q", what, e.Offset, e.Frame.Payload(), want)
		}
	}
	if !slices.Equal(have, offsets) {
		b.t.Errorf("%s: offsets %v, want %v", what, have, offsets)
	}
}

// reads reads all behind an offset and compares.
func (b *bench) reads(after uint64, want error, offsets ...uint64) {
	b.t.Helper()
	got, more, err := b.Read(nil, b.at(after), 0, 1<<30, b.now)
	if !errors.Is(err, want) || more {
		b.t.Errorf("Read behind %d: %v, more %v, want %v", after, err, more, want)
	}
	b.is(fmt.Sprintf("Read behind %d", after), got, offsets...)
}

// newest reads the newest of each key behind an offset and compares.
func (b *bench) newest(after uint64, offsets ...uint64) {
	b.t.Helper()
	got, more := b.Newest(nil, after, 1<<30, b.now)
	if more {
		b.t.Errorf("Newest behind %d: more", after)
	}
	b.is(fmt.Sprintf("Newest behind %d", after), got, offsets...)
}

func places(b *bench) {
	if p := b.Head(); p.Offset != 0 || p.Epoch == "" || len(p.Epoch) > history.MaxEpoch {
		b.t.Errorf("a new stream stands at %v", p)
	}
	if p, ok := history.Parse(b.Head().String()); !ok || p != b.Head() {
		b.t.Errorf("Parse(%q) is %v, %v", b.Head(), p, ok)
	}
	b.numbers(1, 5)
	b.is("Deliver", b.delivered, 1, 2, 3, 4, 5)
	if p := b.Head(); p != b.at(5) {
		b.t.Errorf("Head is %v after 5 events", p)
	}
}

func reading(b *bench) {
	b.reads(0, nil)
	b.numbers(1, 5)
	b.reads(0, nil, 1, 2, 3, 4, 5)
	b.reads(3, nil, 4, 5)
	b.reads(5, nil)
	b.reads(6, history.ErrAhead)
	got, _, _ := b.Read([]history.Event{{Offset: 1, Frame: b.delivered[0].Frame}}, b.at(3), 0, 1<<30, b.now)
	b.is("Read behind what is there", got, 1, 4, 5)
	if got := b.Oldest(b.now); got != 1 {
		b.t.Errorf("Oldest is %d", got)
	}
}

func pieces(b *bench) {
	b.numbers(1, 50)
	size := b.delivered[9].Frame.Len() // of two digits
	after, reads := uint64(20), 0
	var all []history.Event
	for {
		got, more, err := b.Read(nil, b.at(after), 0, 7*size+3, b.now)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, got...)
		if reads++; !more {
			break
		}
		if len(got) != 7 {
			b.t.Errorf("%d events in room for 7", len(got))
		}
		after = got[len(got)-1].Offset
		if reads == 2 {
			b.append("51", 0, "")
		}
	}
	var want []uint64
	for i := uint64(21); i <= 51; i++ {
		want = append(want, i)
	}
	b.is("all pieces", all, want...)
	got, more, _ := b.Read(nil, b.at(0), 0, 1, b.now)
	b.is("a piece without room", got, 1)
	if !more {
		b.t.Error("more is false after one of 51")
	}
	got, more, _ = b.Read(nil, b.at(48), 2, 1<<30, b.now)
	b.is("two of three", got, 49, 50)
	if !more {
		b.t.Error("more is false after two of three")
	}
	if got, more, _ = b.Read(nil, b.at(48), 3, 1<<30, b.now); len(got) != 3 || more {
		b.t.Errorf("%d of three, more %v", len(got), more)
	}
}

func gone(b *bench) {
	b.numbers(1, 5)
	b.reads(2, nil, 3, 4, 5)
	b.reads(1, history.ErrExpired)
	b.reads(0, history.ErrExpired)
	if got := b.Oldest(b.now); got != 3 {
		b.t.Errorf("Oldest is %d", got)
	}
	if events, _ := b.Events(); events != 3 {
		b.t.Errorf("%d events are kept", events)
	}
}

func age(b *bench) {
	if next := b.Expire(b.now); next != 0 {
		b.t.Errorf("an empty stream wants to be looked at at %d", next)
	}
	b.numbers(1, 2)
	first := b.now
	b.now += 6 * second
	b.numbers(3, 4)
	if got := b.Since(first, b.now); got != 0 {
		b.t.Errorf("Since the first: behind %d", got)
	}
	if got := b.Since(first+1, b.now); got != 2 {
		b.t.Errorf("Since after the first: behind %d", got)
	}
	if got := b.Since(b.now+1, b.now); got != 4 {
		b.t.Errorf("Since the future: behind %d", got)
	}
	if next := b.Expire(b.now); next != first+10*second {
		b.t.Errorf("Expire says %d, want 10 s after the first event", next-first)
	}
	b.now = first + 10*second - 1
	b.reads(0, nil, 1, 2, 3, 4)
	b.now++
	b.reads(1, history.ErrExpired)
	b.reads(2, nil, 3, 4)
	if got := b.Since(first, b.now); got != 2 {
		b.t.Errorf("Since what is gone: behind %d", got)
	}
	b.now += 6 * second
	if next := b.Expire(b.now); next != 0 || b.Bytes() != 0 {
		b.t.Errorf("when all is old: %d bytes, look again at %d", b.Bytes(), next)
	}
	b.reads(3, history.ErrExpired)
	b.reads(4, nil)
	if got := b.Oldest(b.now); got != 5 {
		b.t.Errorf("Oldest is %d", got)
	}
	b.numbers(5, 5)
	b.reads(4, nil, 5)
}

func keys(b *bench) {
	for i, key := range []uint64{1, 2, 1, 3, 2} {
		b.append(fmt.Sprint(i+1), key, "")
	}
	b.newest(0, 3, 4, 5)
	b.newest(3, 4, 5)
	b.newest(5)
	b.reads(3, nil, 4, 5) // the past is that of all
	b.append("6", 4, "")  // one key too many: that which has not moved for longest goes
	b.newest(0, 4, 5, 6)
	if events, keys := b.Events(); events != 2 || keys != 3 {
		b.t.Errorf("%d events and %d keys are kept", events, keys)
	}
	got, more := b.Newest(nil, 0, b.delivered[3].Frame.Len()+1, b.now)
	b.is("Newest in little room", got, 4)
	if !more {
		b.t.Error("more is false")
	}
}

func keysAlone(b *bench) {
	b.append("1", 1, "")
	first := b.now
	b.now += 4 * second
	b.append("2", 2, "")
	b.reads(2, nil)
	b.reads(1, history.ErrExpired)
	b.newest(0, 1, 2)
	if next := b.Expire(b.now); next != first+10*second {
		b.t.Errorf("Expire says %d", next-first)
	}
	b.now = first + 10*second
	b.newest(0, 2)
	if b.Expire(b.now + 4*second); b.Bytes() != 0 {
		b.t.Errorf("%d bytes for nothing", b.Bytes())
	}
	b.append("3", 2, "")
	b.newest(0, 3)
}

func void(b *bench) {
	b.append("1", 1, "")
	d := &history.Draft{Body: append(frame.NewBuffer(40), "2"...), Key: 1, Void: true}
	if wait := b.Append(d, b.now); wait != nil {
		if err := wait(); err != nil {
			b.t.Fatal(err)
		}
	}
	b.newest(0, 1)
	b.reads(0, nil, 1, 2)
	b.is("Deliver", b.delivered, 1, 2)
}

func cleared(b *bench) {
	b.numbers(1, 3)
	if b.Bytes() == 0 {
		b.t.Error("three events take no memory")
	}
	b.Clear()
	if events, keys := b.Events(); events+keys+b.Bytes() != 0 {
		b.t.Errorf("%d events, %d keys, %d bytes are left", events, keys, b.Bytes())
	}
	b.newest(0)
	b.reads(2, history.ErrExpired)
	b.reads(3, nil)
	b.numbers(4, 4)
	b.reads(3, nil, 4)
	b.newest(0, 4)
}

func strange(b *bench) {
	b.numbers(1, 2)
	for _, p := range []history.Position{{Epoch: "x", Offset: 1}, {}, {Epoch: b.Head().Epoch + "x", Offset: 2}} {
		if got, _, err := b.Read(nil, p, 0, 1<<30, b.now); !errors.Is(err, history.ErrEpoch) || len(got) > 0 {
			b.t.Errorf("Read behind %v: %v, %v", p, got, err)
		}
	}
}

func excepted(b *bench) {
	b.append("1", 0, "1.2")
	b.append("2", 0, "")
	b.append("3", 0, "1.3")
	got, _, _ := b.Read(nil, b.at(0), 0, 1<<30, b.now)
	b.is("Read", got, 1, 2, 3)
	if got[0].Except != history.Hash("1.2") || got[1].Except != 0 || got[2].Except != history.Hash("1.3") || got[0].Except == got[2].Except {
		b.t.Errorf("excepted are %v", got)
	}
}
