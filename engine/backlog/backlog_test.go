package backlog_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine/backlog"
	"github.com/gannet-io/gannet/frame"
)

func text(s string) *frame.Prepared {
	return frame.Prepare(frame.Text, append(frame.NewBuffer(len(s)), s...))
}

func TestBytesLeaveInOrderWhateverTheSocketTakes(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 2))
	var b backlog.Backlog
	var want, got []byte
	scratch := make([]byte, 64)
	for range 5000 {
		if rnd.IntN(2) == 0 {
			f := text(strings.Repeat(string(rune('a'+rnd.IntN(26))), rnd.IntN(90)))
			b.Push(f, 0)
			want = append(want, f.Bytes()...)
			continue
		}
		next := b.Next(scratch)
		if (next == nil) != b.Empty() {
			t.Fatalf("seed %d: Next is %q while Empty is %v", seed, next, b.Empty())
		}
		n := 0
		if len(next) > 0 {
			n = rnd.IntN(len(next) + 1)
		}
		got = append(got, next[:n]...)
		b.Advance(n)
		if b.Bytes() != len(want)-len(got) {
			t.Fatalf("seed %d: Bytes is %d, want %d", seed, b.Bytes(), len(want)-len(got))
		}
	}
	for !b.Empty() {
		next := b.Next(scratch)
		got = append(got, next...)
		b.Advance(len(next))
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("seed %d: the bytes that left differ from those pushed", seed)
	}
}

func TestOverByBytesAndByAge(t *testing.T) {
	var b backlog.Backlog
	l := backlog.Limits{Bytes: 74, Age: 5}
	if b.Over(l, 1000) {
		t.Fatal("an empty backlog is over its limits")
	}
	b.Push(text("12345678"), 100) // 2 bytes of header, 64 for the entry: exactly 74
	if b.Over(l, 105) {
		t.Fatal("74 bytes and 5 ticks are over a limit of 74 and 5")
	}
	if !b.Over(l, 106) {
		t.Fatal("6 ticks are not over a limit of 5")
	}
	b.Push(text(""), 100)
	if !b.Over(l, 100) {
		t.Fatal("140 bytes are not over a limit of 74")
	}
	if b.Over(backlog.Limits{}, 1<<30) {
		t.Fatal("no limit was exceeded")
	}
}

func TestTruncateKeepsAFrameThatHasLeftInPart(t *testing.T) {
	var b backlog.Backlog
	b.Push(text("first"), 0)
	b.Push(text("second"), 0)
	b.Push(text("third"), 0)
	b.Next(make([]byte, 100))
	b.Advance(3)
	frames, n := b.Truncate()
	if frames != 2 || n != 8+7 {
		t.Fatalf("dropped %d frames and %d bytes, want 2 and 15", frames, n)
	}
	if got := b.Next(nil); string(got) != "irst" {
		t.Fatalf("what is left is %q, want %q", got, "irst")
	}
	b.Advance(4)
	if !b.Empty() {
		t.Fatal("not empty at the end")
	}
	b.Push(text("fourth"), 0)
	if frames, _ := b.Truncate(); frames != 1 || !b.Empty() {
		t.Fatalf("a frame that had not begun to leave survived (%d dropped)", frames)
	}
}

// What is held counts as sent, and still leaves first, counts, ages, and cannot be dropped.
func TestHeldBytesLeaveFirstAndStay(t *testing.T) {
	var b backlog.Backlog
	raw := []byte("sealed")
	b.Hold(raw, 100)
	copy(raw, "??????") // it was borrowed
	if b.Empty() || b.Bytes() != 6 || b.Frames() != 0 {
		t.Fatalf("6 held bytes: Empty %v, Bytes %d, Frames %d", b.Empty(), b.Bytes(), b.Frames())
	}
	b.Push(text("12345678"), 103) // 10 bytes, and 64 for the entry
	for _, tt := range []struct {
		limits backlog.Limits
		now    uint32
		over   bool
	}{
		{backlog.Limits{Bytes: 80}, 103, false},
		{backlog.Limits{Bytes: 79}, 103, true},
		{backlog.Limits{Age: 5}, 105, false},
		{backlog.Limits{Age: 5}, 106, true}, // the held bytes are older than the frame
	} {
		if got := b.Over(tt.limits, tt.now); got != tt.over {
			t.Errorf("Over(%+v, %d) is %v", tt.limits, tt.now, got)
		}
	}
	if frames, bytes := b.Truncate(); frames != 1 || bytes != 10 {
		t.Errorf("Truncate dropped %d frames, %d bytes; want the one that is not held", frames, bytes)
	}
	if got := string(b.Held()); got != "sealed" {
		t.Fatalf("held is %q", got)
	}
	b.Release(4)
	b.Hold([]byte("+more"), 200)
	if got := string(b.Held()); got != "ed+more" {
		t.Fatalf("held is %q", got)
	}
	b.Release(7)
	if !b.Empty() || b.Bytes() != 0 || b.Held() != nil || b.Over(backlog.Limits{Bytes: 1, Age: 1}, 1000) {
		t.Error("something is left when all has left")
	}
	b.Push(text("x"), 1000)
	if b.Over(backlog.Limits{Age: 5}, 1005) {
		t.Error("the age of what was held is still counted")
	}
}

func pong(s string) *frame.Prepared {
	return frame.Prepare(frame.Pong, append(frame.NewBuffer(len(s)), s...))
}

// A flood of pings to a full socket leaves one answer, the last, wherever the first of them stood.
func TestOnlyTheLatestPongWaits(t *testing.T) {
	var b backlog.Backlog
	b.Push(text("first"), 0)
	for _, s := range []string{"1", "22", "", "4444", "5"} {
		b.PushPong(pong(s), 0)
	}
	b.Push(text("last"), 0)
	b.PushPong(pong("six"), 0)
	want := string(text("first").Bytes()) + string(pong("six").Bytes()) + string(text("last").Bytes())
	if b.Frames() != 3 || b.Bytes() != len(want) {
		t.Errorf("%d frames and %d bytes wait, want 3 and %d", b.Frames(), b.Bytes(), len(want))
	}
	if got := string(b.Next(make([]byte, 100))); got != want {
		t.Fatalf("what waits is %q, want %q", got, want)
	}
	// One that has left in part must not change under the peer's eyes, and one that has left is no place to be in.
	b.Advance(len(text("first").Bytes()) + 1)
	b.PushPong(pong("seven"), 0)
	b.PushPong(pong("eight"), 0)
	want = string(pong("six").Bytes()[1:]) + string(text("last").Bytes()) + string(pong("eight").Bytes())
	if got := string(b.Next(make([]byte, 100))); got != want {
		t.Fatalf("what waits is %q, want %q", got, want)
	}
	b.Advance(len(want))
	if !b.Empty() || b.Bytes() != 0 || b.Frames() != 0 {
		t.Fatal("not empty at the end")
	}
	b.PushPong(pong("nine"), 0)
	if got := string(b.Next(nil)); got != string(pong("nine").Bytes()) {
		t.Fatalf("what waits is %q", got)
	}
	if frames, _ := b.Truncate(); frames != 1 || !b.Empty() {
		t.Fatal("not dropped")
	}
	b.PushPong(pong("ten"), 0)
	if b.Frames() != 1 {
		t.Fatal("an answer took the place of one that was dropped")
	}
}
