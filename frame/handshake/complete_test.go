package handshake_test

import (
	"testing"

	"github.com/gannet-io/gannet/frame/handshake"
)

// wantSplitsToAgree shows b byte by byte, as a slow client would, and wants each
// prefix to be answered with "more" or with the answer to all of b; and Complete
// to call for Parse only when Parse will answer.
func wantSplitsToAgree(t testing.TB, b []byte) {
	t.Helper()
	_, n, err := handshake.Parse(b, limits)
	from, called := 0, false
	for cut := range len(b) + 1 {
		prefix := b[:cut:cut]
		_, pn, perr := handshake.Parse(prefix, limits)
		if (pn != 0 || perr != nil) && (pn != n || perr != err) {
			t.Fatalf("Parse(%q) = %d, %v; Parse of its first %d bytes = %d, %v", b, n, err, cut, pn, perr)
		}
		if called {
			continue
		}
		size, next := handshake.Complete(prefix, from, limits)
		if whole, _ := handshake.Complete(prefix, 0, limits); whole != size {
			t.Fatalf("Complete(%q) = %d when resumed at %d, %d when not", prefix, size, from, whole)
		}
		if size != 0 {
			called = true
			if pn == 0 && perr == nil {
				t.Fatalf("Complete(%q) = %d, but Parse asks for more", prefix, size)
			}
			if perr == nil && pn != size {
				t.Fatalf("Complete(%q) = %d, Parse = %d", prefix, size, pn)
			}
		} else if next != cut {
			t.Fatalf("Complete(%q, %d) would look again from %d", prefix, from, next)
		} else if pn != 0 {
			t.Fatalf("Parse(%q) = %d, but Complete asks for more", prefix, pn)
		}
		from = next
	}
}

func TestCompleteFindsTheEndHoweverTheHeadIsSplit(t *testing.T) {
	for _, req := range []string{rfcRequest, browserRequest, "GET / HTTP/1.1\r\n\r\n"} {
		wantSplitsToAgree(t, []byte(req+"\r\n\r\nmore"))
		for cut := range len(req) {
			n, next := handshake.Complete([]byte(req[:cut]), 0, limits)
			if n != 0 || next != cut {
				t.Fatalf("Complete(%q) = %d, %d; want 0, %d", req[:cut], n, next, cut)
			}
			if n, _ := handshake.Complete([]byte(req+"more"), next, limits); n != len(req) {
				t.Fatalf("resumed at %d: %d, want %d", next, n, len(req))
			}
		}
	}
}

// A peer that will never send an empty line is not waited for.
func TestCompleteGivesUpOnWhatIsNotHTTP(t *testing.T) {
	for _, b := range []string{"\x16", "\r", "\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n"} {
		if n, _ := handshake.Complete([]byte(b), 0, limits); n == 0 {
			t.Errorf("Complete(%q) asks for more", b)
		}
		if _, _, err := handshake.Parse([]byte(b), limits); err == nil {
			t.Errorf("Parse(%q) asks for more", b)
		}
	}
}
