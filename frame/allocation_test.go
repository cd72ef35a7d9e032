package frame_test

import (
	"testing"

	"github.com/gannet-io/gannet/frame"
)

func wantAllocs(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(100, f); got > want {
		t.Errorf("%s: %v allocations, want at most %v", what, got, want)
	}
}

func TestReadingAMessageAllocatesNothing(t *testing.T) {
	var r frame.Reader
	lim := &frame.Limits{MessageBytes: 1 << 20, Fragments: 10}
	for _, wire := range [][]byte{masked(0x81, "Hello"), masked(0x82, string(make([]byte, 70000))), masked(0x89, "ping")} {
		b := make([]byte, len(wire)) // reading unmasks in place, so each run needs a fresh copy
		wantAllocs(t, "read", 0, func() {
			copy(b, wire)
			if _, n, err := r.Next(b, lim); n != len(b) || err != nil {
				t.Fatal(n, err)
			}
		})
	}
	bad := []byte{0x81, 0x05, 1, 2, 3, 4, 5}
	wantAllocs(t, "refuse", 0, func() { r.Next(bad, lim) })
}

func TestPrepareAllocatesOnlyThePrepared(t *testing.T) {
	buf := append(frame.NewBuffer(100), "payload"...)
	var p *frame.Prepared
	wantAllocs(t, "Prepare", 1, func() { p = frame.Prepare(frame.Text, buf) })
	if string(p.Payload()) != "payload" {
		t.Errorf("payload %q", p.Payload())
	}
}

func TestAppendingAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 200)
	wantAllocs(t, "AppendHeader", 0, func() { frame.AppendHeader(dst, frame.Header{Fin: true, Masked: true, Length: 70000}) })
	wantAllocs(t, "AppendClose", 0, func() { frame.AppendClose(dst, 4009, "Connection is unauthorized") })
}
