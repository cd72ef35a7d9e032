package memstream_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/history/historytest"
	"github.com/gannet-io/gannet/engine/history/memstream"
	"github.com/gannet-io/gannet/frame"
)

func TestStreamKeepsTheContract(t *testing.T) {
	historytest.Run(t, func(_ *testing.T, w history.Wiring) history.Stream {
		return memstream.New("e", w)
	})
}

// A model is a stream that remembers everything and looks through all of it each time.
type model struct {
	limits history.Limits
	all    []past
	from   int // those before it were cleared
}

type past struct {
	offset, key uint64
	at          int64
	frame       *frame.Prepared
}

// kept returns what a reader may find: those that neither count nor age has pushed out at any time so far.
func (m *model) kept() (kept []past) {
	if m.limits.Events < 0 {
		return nil
	}
	kept = m.all[m.from:]
	if n := m.limits.Events; n > 0 && len(kept) > n {
		kept = kept[len(kept)-n:]
	}
	return kept
}

func (m *model) head() uint64 { return uint64(len(m.all)) }

// board returns the newest of each key in their order.
func (m *model) board() (board []past) {
	if m.limits.Keys == 0 {
		return nil
	}
	for i, p := range m.all {
		if i < m.from || slices.ContainsFunc(m.all[i+1:], func(q past) bool { return q.key == p.key }) {
			continue
		}
		board = append(board, p)
	}
	if len(board) > m.limits.Keys {
		board = board[len(board)-m.limits.Keys:]
	}
	return board
}

func live(list []past, now, age int64) []past {
	if age == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(p past) bool { return p.at <= now-age })
}

func (m *model) bytes(now int64) (n int) {
	for _, p := range live(m.kept(), now, m.limits.Age) {
		n += memstream.EventBytes + p.frame.Len()
	}
	for _, p := range live(m.board(), now, m.limits.KeyAge) {
		n += memstream.KeyBytes + p.frame.Len()
	}
	return n
}

// FuzzStreamAgreesWithOneThatRemembersAll plays sequences of appends, reads, waiting and clearing.
func FuzzStreamAgreesWithOneThatRemembersAll(f *testing.F) {
	f.Add(uint8(3), uint8(0), uint8(0), uint8(0), []byte("aaaarrrcaaar"))
	f.Add(uint8(0), uint8(9), uint8(2), uint8(5), []byte("aabbccddnwwwwaarnwwwwwwwwwwwwarn"))
	f.Add(uint8(200), uint8(3), uint8(3), uint8(0), []byte("abcdwabwcdwrnsabcdwwwwrns"))
	f.Add(uint8(5), uint8(0), uint8(4), uint8(7), []byte("abcdefghabwnrscabwn"))
	f.Fuzz(func(t *testing.T, events, age, keys, keyAge uint8, ops []byte) {
		m := &model{limits: history.Limits{Events: int(events), Age: int64(age), Keys: int(keys % 8), KeyAge: int64(keyAge)}}
		if events >= 200 {
			m.limits.Events = -1
		}
		now := int64(1000)
		var delivered *frame.Prepared
		s := memstream.New("e", history.Wiring{Limits: m.limits, Seal: historytest.Seal,
			Deliver: func(_ *history.Draft, e history.Event) { delivered = e.Frame }})
		if len(ops) > 120 {
			ops = ops[:120]
		}
		for i, op := range ops {
			switch {
			case op == 'w':
				now += int64(i%3) + 1
			case op == 'c':
				s.Clear()
				m.from = len(m.all)
			case op == 'x':
				s.Expire(now)
			case op == 'r' || op == 'n' || op == 's':
				check(t, s, m, now, i)
			default:
				body := append(frame.NewBuffer(40), fmt.Sprintf("%*d", i%7, i)...)
				s.Append(&history.Draft{Body: body, Key: uint64(op % 11)}, now)
				m.all = append(m.all, past{m.head() + 1, uint64(op % 11), now, delivered})
			}
			if s.Bytes() < m.bytes(now) {
				t.Fatalf("step %d: %d bytes, want at least %d", i, s.Bytes(), m.bytes(now))
			}
		}
		s.Expire(now)
		if s.Bytes() != m.bytes(now) {
			t.Fatalf("%d bytes when all is said, want %d", s.Bytes(), m.bytes(now))
		}
		check(t, s, m, now, 0)
	})
}

// check compares every kind of read from every offset.
func check(t *testing.T, s *memstream.Stream, m *model, now int64, salt int) {
	t.Helper()
	kept, board := live(m.kept(), now, m.limits.Age), live(m.board(), now, m.limits.KeyAge)
	oldest := m.head() + 1
	if len(kept) > 0 {
		oldest = kept[0].offset
	}
	if s.Head() != (history.Position{Epoch: "e", Offset: m.head()}) || s.Oldest(now) != oldest {
		t.Fatalf("Head %v, Oldest %d; want %d, %d", s.Head(), s.Oldest(now), m.head(), oldest)
	}
	room, most := 1+salt%60, salt%4
	for after := uint64(0); after <= m.head()+1; after++ {
		var wantErr error
		switch {
		case after > m.head():
			wantErr = history.ErrAhead
		case after+1 < oldest:
			wantErr = history.ErrExpired
		}
		got, more, err := s.Read(nil, history.Position{Epoch: "e", Offset: after}, most, room, now)
		if !errors.Is(err, wantErr) {
			t.Fatalf("Read behind %d: %v, want %v", after, err, wantErr)
		}
		var want []past
		if err == nil {
			want = kept[after+1-oldest:]
		}
		same(t, fmt.Sprintf("Read behind %d of %d", after, m.head()), got, more, want, most, room)

		got, more = s.Newest(nil, after, room, now)
		i, _ := slices.BinarySearchFunc(board, after+1, func(p past, offset uint64) int { return cmp.Compare(p.offset, offset) })
		same(t, fmt.Sprintf("Newest behind %d of %d", after, m.head()), got, more, board[i:], 0, room)
	}
	for at := now - 12; at <= now; at++ {
		want := oldest - 1
		for _, p := range kept {
			if p.at < at {
				want = p.offset
			}
		}
		if got := s.Since(at, now); got != want {
			t.Fatalf("Since %d ago: %d, want %d", now-at, got, want)
		}
	}
}

func same(t *testing.T, what string, got []history.Event, more bool, want []past, most, room int) {
	t.Helper()
	n := 0
	for n < len(want) && (n == 0 || n != most && want[n].frame.Len() <= room) {
		room -= want[n].frame.Len()
		n++
	}
	if len(got) != n || more != (n < len(want)) {
		t.Fatalf("%s: %d events, more %v; want %d of %d", what, len(got), more, n, len(want))
	}
	for i, e := range got {
		if e.Offset != want[i].offset || e.Frame != want[i].frame || e.At != want[i].at {
			t.Fatalf("%s: event %d is %+v, want %+v", what, i, e, want[i])
		}
	}
}

// A full ring takes another event without allocating; a key that is on the board likewise.
func TestAppendAllocatesNothingOfItsOwn(t *testing.T) {
	shared := frame.Prepare(frame.Text, frame.NewBuffer(0))
	s := memstream.New("e", history.Wiring{Limits: history.Limits{Events: 10, Keys: 10},
		Seal:    func(*history.Draft, history.Position) *frame.Prepared { return shared },
		Deliver: func(*history.Draft, history.Event) {}})
	d := &history.Draft{Except: "1.2"}
	add := func() { s.Append(d, 0); d.Key = (d.Key + 1) % 10 }
	for range 20 {
		add()
	}
	if n := testing.AllocsPerRun(100, add); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	s := memstream.New("e", history.Wiring{Limits: history.Limits{Events: 1000, Age: 1 << 40},
		Seal:    historytest.Seal,
		Deliver: func(*history.Draft, history.Event) {}})
	b.ReportAllocs()
	for b.Loop() {
		s.Append(&history.Draft{Body: frame.NewBuffer(200)}, 1)
	}
}

// Three frames of 2+2 bytes count 3×116: the bound has room for two, and never none.
func TestBytesAreBoundedByTheOldest(t *testing.T) {
	s := memstream.New("e", history.Wiring{Limits: history.Limits{Bytes: 2*116 + 115}, Deliver: func(*history.Draft, history.Event) {},
		Seal: func(d *history.Draft, _ history.Position) *frame.Prepared { return frame.Prepare(frame.Text, d.Body) }})
	for i := range 9 {
		s.Append(&history.Draft{Body: append(frame.NewBuffer(2), "ab"...)}, 0)
		if want := min(i+1, 2); s.Bytes() != want*116 {
			t.Errorf("%d bytes after %d events, want %d", s.Bytes(), i+1, want*116)
		}
	}
	if got := s.Oldest(0); got != 8 {
		t.Errorf("the oldest is %d, want 8", got)
	}
	s.Append(&history.Draft{Body: append(frame.NewBuffer(1000), make([]byte, 1000)...)}, 0)
	if events, _ := s.Events(); events != 1 || s.Oldest(0) != 10 {
		t.Errorf("%d events from %d, want the newest alone", events, s.Oldest(0))
	}

	s = memstream.New("e", history.Wiring{Limits: history.Limits{Events: -1, Keys: 10, Bytes: 2*148 + 147}, Deliver: func(*history.Draft, history.Event) {},
		Seal: func(d *history.Draft, _ history.Position) *frame.Prepared { return frame.Prepare(frame.Text, d.Body) }})
	for i := range 9 {
		s.Append(&history.Draft{Body: append(frame.NewBuffer(2), "ab"...), Key: uint64(i)}, 0)
		if _, keys := s.Events(); keys != min(i+1, 2) || s.Bytes() != keys*148 {
			t.Errorf("%d keys, %d bytes after %d events", keys, s.Bytes(), i+1)
		}
	}
}
