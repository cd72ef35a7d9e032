package backlog_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine/backlog"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/frametest"
)

// newFlow returns a flow whose notices are texts such as "a skipped 3 to 17".
func newFlow(name string, p frame.Policy, high, low int) *frame.Flow {
	return frame.NewFlow(&frame.Flow{Policy: p, High: high, Low: low, Notice: func(skipped int, mark uint64) *frame.Prepared {
		return text(fmt.Sprintf("%s skipped %d to %d", name, skipped, mark))
	}})
}

// of returns a message of a flow, the text of which is long enough for its frame to take size bytes.
func of(f *frame.Flow, key, mark uint64, what string) *frame.Prepared {
	return frame.PrepareFlow(frame.Text, append(frame.NewBuffer(len(what)), what...), f, key, mark)
}

// drain sends all that waits, and returns the texts of the frames.
func drain(t *testing.T, b *backlog.Backlog) (texts []string) {
	t.Helper()
	var out bytes.Buffer
	for !b.Empty() {
		next := b.Next(make([]byte, 1000))
		out.Write(next)
		b.Advance(len(next))
	}
	for out.Len() > 0 {
		f, err := frametest.Read(&out)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(f.Payload))
	}
	return texts
}

func TestConflationKeepsTheNewestOfEachKey(t *testing.T) {
	for _, notices := range []bool{false, true} {
		b := backlog.Backlog{Notices: notices}
		f := newFlow("f", frame.Conflate, 10*68, 3*68) // a frame of 2+2 bytes costs 68
		push := func(keys string) (conflated backlog.Dropped) {
			for _, k := range keys {
				b.Push(of(f, uint64(k), uint64(b.Pushed()), string(k)+"1"), 0)
			}
			conflated, oldest := b.Relieve()
			if oldest != (backlog.Dropped{}) {
				t.Errorf("%+v were dropped as the oldest", oldest)
			}
			return conflated
		}
		if d := push("abcabcabca"); d.Frames != 0 {
			t.Fatalf("%d frames were dropped below the mark", d.Frames)
		}
		// The eleventh crosses it: of a, b and c the last ones stay, that is, all of the last three.
		if d := push("b"); d.Frames != 8 || d.Bytes != 8*4 {
			t.Errorf("%+v were dropped above the mark, want 8 of 11", d)
		}
		if d := push("cca"); d.Frames != 3 {
			t.Errorf("%+v were dropped, want 3", d)
		}
		want := []string{"b1", "c1", "a1"}
		if notices {
			want = []string{"f skipped 10 to 9", "b1", "f skipped 1 to 11", "c1", "a1"}
		}
		if got := drain(t, &b); !slices.Equal(got, want) {
			t.Errorf("notices %v: %q left, want %q", notices, got, want)
		}
	}
}

// Once it is low again all is kept until it is high again.
func TestConflationEndsAtTheLowMark(t *testing.T) {
	var b backlog.Backlog
	f := newFlow("f", frame.Conflate, 5*68, 2*68+24) // where a frame was taken out 24 remain until it is passed
	push := func(keys string) (dropped int) {
		for _, k := range keys {
			b.Push(of(f, uint64(k), 0, string(k)+"1"), 0)
			d, _ := b.Relieve()
			dropped += d.Frames
		}
		return dropped
	}
	if n := push("abcdea"); n != 1 {
		t.Fatalf("%d dropped, want 1", n)
	}
	b.Advance(len(b.Next(make([]byte, 11)))) // two of five, which leaves more than the mark
	if n := push("a"); n != 1 {
		t.Errorf("%d dropped above the low mark, want 1", n)
	}
	b.Advance(len(b.Next(make([]byte, 4))))
	if n := push("a"); n != 0 { // e, a and a is more than low, but low has been reached before
		t.Errorf("%d dropped below the low mark", n)
	}
	if got, want := drain(t, &b), []string{"e1", "a1", "a1"}; !slices.Equal(got, want) {
		t.Errorf("%q left, want %q", got, want)
	}
}

func TestTheOldestGoDownToTheLowMark(t *testing.T) {
	for _, notices := range []bool{false, true} {
		b := backlog.Backlog{Notices: notices}
		f := newFlow("f", frame.DropOldest, 5*68, 3*68)
		for i := range 6 {
			b.Push(of(f, 0, uint64(i), fmt.Sprint("f", i)), 0)
			if i == 1 {
				b.Push(text("xx"), 0) // must get through
			}
		}
		conflated, oldest := b.Relieve()
		if conflated.Frames != 0 || oldest.Frames != 4 || oldest.Bytes != 4*4 {
			t.Errorf("%+v conflated, %+v oldest; want 4 of the oldest", conflated, oldest)
		}
		want := []string{"xx", "f4", "f5"}
		if notices {
			want = []string{"f skipped 2 to 1", "xx", "f skipped 2 to 3", "f4", "f5"}
		}
		if got := drain(t, &b); !slices.Equal(got, want) {
			t.Errorf("notices %v: %q left, want %q", notices, got, want)
		}
	}
}

// What has begun to leave stays, whatever comes.
func TestAFrameThatHasBegunToLeaveStays(t *testing.T) {
	var b backlog.Backlog
	f := newFlow("f", frame.Conflate, 0, 0)
	b.Push(of(f, 1, 1, "first"), 0)
	b.Advance(3)
	b.Relieve()
	for i := range 5 {
		b.Push(of(f, 1, 1, fmt.Sprint("later ", i)), 0)
		b.Relieve()
	}
	if got := string(b.Next(make([]byte, 100))); got != "irst\x81\x07later 4" {
		t.Errorf("%q is next", got)
	}
}

// A flood of new values must not make a conn look young that takes none of them.
func TestAConnThatTakesNothingGetsOlder(t *testing.T) {
	b := backlog.Backlog{}
	f := newFlow("f", frame.Conflate, 0, 0)
	for now := uint32(1); now <= 200; now++ {
		b.Push(of(f, uint64(now%3), 0, "x"), now)
		b.Relieve()
		if now%10 == 0 {
			b.Next(make([]byte, 1000)) // tried in vain
		}
		if over := b.Over(backlog.Limits{Age: 150}, now); over != (now > 151) {
			t.Fatalf("at %d: Over is %v", now, over)
		}
	}
	if n := b.Frames(); n != 3 {
		t.Errorf("%d frames wait, want 3", n)
	}
}

func TestSeveralInOnePieceAreJudgedEachByItself(t *testing.T) {
	var b backlog.Backlog
	f := newFlow("f", frame.Conflate, 0, 0)
	piece := frame.Concat([]*frame.Prepared{of(f, 1, 1, "a1"), text("plain"), of(f, 2, 2, "b1"), of(f, 1, 3, "a2")})
	b.Push(piece, 0)
	b.Advance(1) // a1 has begun to leave
	d, _ := b.Relieve()
	if d.Frames != 0 {
		t.Errorf("%d dropped", d.Frames)
	}
	b.Push(piece, 0)
	if d, _ = b.Relieve(); d.Frames != 3 || b.Frames() != 5 { // b1, a2, and a1 of the second
		t.Errorf("%d dropped, %d wait", d.Frames, b.Frames())
	}
}

// FuzzReliefTellsEverything plays pushes and sends of any length and acts as the client: of each flow the messages that it
// gets and the notices of those that it does not leave nothing out, the newest of each key comes, and what may not be dropped is not.
func FuzzReliefTellsEverything(f *testing.F) {
	f.Add(uint16(200), uint16(50), []byte("ababababababababcabacabcbs\x05sab\x09ccccccccs"))
	f.Add(uint16(0), uint16(0), []byte("AAAAAAABBBBBBBBxCCCCCC"))
	f.Add(uint16(1000), uint16(900), bytes.Repeat([]byte("abcdefghijkABCxs\x02"), 30))
	f.Add(uint16(300), uint16(0), bytes.Repeat([]byte("aAbBcC"), 60))
	f.Fuzz(func(t *testing.T, high, low uint16, ops []byte) {
		if len(ops) > 2000 {
			ops = ops[:2000]
		}
		for _, notices := range []bool{true, false} {
			playRelief(t, int(high), min(int(low), int(high)), notices, ops)
		}
	})
}

func playRelief(t *testing.T, high, low int, notices bool, ops []byte) {
	b := &backlog.Backlog{Notices: notices}
	// Two flows that conflate, one that drops its oldest, and frames of none.
	flows := []*frame.Flow{newFlow("0", frame.Conflate, high, low), newFlow("1", frame.Conflate, high*2, low), newFlow("2", frame.DropOldest, high, low)}
	marks := make([]uint64, len(flows))
	newest := make(map[string]uint64) // by flow and key, the last mark pushed
	var wire bytes.Buffer
	pushed, dropped, plain := 0, 0, 0
	peak := 0
	scratch := make([]byte, 300)
	for i := 0; i < len(ops); i++ {
		switch op := ops[i]; {
		case op == 's': // some bytes leave
			i++
			next := b.Next(scratch)
			n := len(next)
			if i < len(ops) {
				n = min(n, int(ops[i]))
			}
			wire.Write(next[:n])
			b.Advance(n)
			continue
		case op == 'x':
			b.Push(text(fmt.Sprintf("plain %d", plain)), 0)
			plain++
		default:
			n := 0
			if op >= 'A' && op <= 'Z' {
				n = 1 + int(op)%2
			}
			marks[n]++
			key := uint64(op % 16)
			newest[fmt.Sprintf("%d %d", n, key)] = marks[n]
			b.Push(of(flows[n], key, marks[n], fmt.Sprintf("%d %d %d%s", n, key, marks[n], strings.Repeat("x", int(op)%20))), 0)
		}
		pushed++
		peak = max(peak, b.Cost())
		if i%3 == 0 { // several may have come since the last time
			conflated, oldest := b.Relieve()
			dropped += conflated.Frames + oldest.Frames
			if peak <= high && dropped > 0 {
				t.Fatalf("%d were dropped though no more than %d waited", dropped, peak)
			}
			if err := b.Check(); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	}
	conflated, oldest := b.Relieve()
	dropped += conflated.Frames + oldest.Frames
	for !b.Empty() {
		next := b.Next(scratch)
		wire.Write(next)
		b.Advance(len(next))
	}
	if b.Bytes() != 0 || b.Frames() != 0 || b.Cost() != 0 {
		t.Fatalf("%d bytes, %d frames, cost %d are left", b.Bytes(), b.Frames(), b.Cost())
	}
	place := make([]uint64, len(flows))
	got, skipped, plains, seen := 0, 0, 0, make(map[string]uint64)
	for wire.Len() > 0 {
		f, err := frametest.Read(&wire)
		if err != nil || f.Header.OpCode != ws.OpText {
			t.Fatalf("%v %+v", err, f.Header)
		}
		var n int
		var key, mark uint64
		if _, err := fmt.Sscanf(string(f.Payload), "plain %d", &n); err == nil {
			if n != plains {
				t.Fatalf("plain %d, want %d", n, plains)
			}
			got++
			plains++
			continue
		}
		if _, err := fmt.Sscanf(string(f.Payload), "%d skipped %d to %d", &n, &key, &mark); err == nil {
			if !notices || mark != place[n]+key {
				t.Fatalf("%q at %d", f.Payload, place[n])
			}
			place[n] = mark
			skipped += int(key)
			continue
		}
		if _, err := fmt.Sscanf(string(f.Payload), "%d %d %d", &n, &key, &mark); err != nil {
			t.Fatalf("%q: %v", f.Payload, err)
		}
		if mark != place[n]+1 && (notices || mark <= place[n]) {
			t.Fatalf("%q at %d", f.Payload, place[n])
		}
		place[n] = mark
		seen[fmt.Sprintf("%d %d", n, key)] = mark
		got++
	}
	if got+dropped != pushed || notices && skipped != dropped || plains != plain {
		t.Fatalf("%d pushed: %d came, %d dropped, %d of them told; %d plain ones are missing", pushed, got, dropped, skipped, plain-plains)
	}
	for key, mark := range newest {
		if key[0] != '2' && seen[key] != mark {
			t.Fatalf("of key %s the last is %d, want %d", key, seen[key], mark)
		}
	}
	for n, mark := range marks {
		if mark > 0 && place[n] != mark {
			t.Fatalf("flow %d ends at %d, want %d", n, place[n], mark)
		}
	}
}

// A slow conn costs its entries and, while it conflates, 8 to 32 bytes a key.
func TestConflatingAllocatesNothingInTheLongRun(t *testing.T) {
	var b backlog.Backlog
	f := newFlow("f", frame.Conflate, 0, 0)
	frames := make([]*frame.Prepared, 100)
	for i := range frames {
		frames[i] = of(f, uint64(i), 0, "x")
	}
	scratch := make([]byte, 64)
	i := 0
	step := func() {
		for range 50 {
			b.Push(frames[i%len(frames)], 0)
			i++
		}
		b.Relieve()
		b.Advance(len(b.Next(scratch)) / 2)
	}
	for range 200 {
		step()
	}
	if n := testing.AllocsPerRun(200, step); n > 1 { // a map for each time that gaps are closed
		t.Errorf("%v allocations for 50 frames", n)
	}
}

func BenchmarkConflate(b *testing.B) {
	for _, keys := range []int{20, 1000} {
		b.Run(fmt.Sprint(keys, " keys"), func(b *testing.B) {
			var log backlog.Backlog
			f := newFlow("f", frame.Conflate, 0, 0)
			frames := make([]*frame.Prepared, keys)
			for i := range frames {
				var key [8]byte
				binary.LittleEndian.PutUint64(key[:], uint64(i)*0x9e3779b97f4a7c15)
				frames[i] = of(f, binary.LittleEndian.Uint64(key[:]), 0, "x")
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				log.Push(frames[i%keys], 0)
				log.Relieve()
				i++
			}
		})
	}
}
