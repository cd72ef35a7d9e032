package handshake_test

import (
	"testing"

	"github.com/gannet-io/gannet/frame/handshake"
)

func TestAHandshakeAllocatesNothing(t *testing.T) {
	req := []byte(browserRequest)
	bad := []byte(head("Host: again"))
	dst := make([]byte, 0, 512)
	for what, f := range map[string]func(){
		"accept": func() {
			r, n, err := handshake.Parse(req, limits)
			if n != len(req) || err != nil || r.Check() != nil || r.Offers("chat") {
				t.Fatal(n, err)
			}
			handshake.AppendAccept(dst, &r, "", "")
		},
		"complete": func() { handshake.Complete(req, 0, limits) },
		"reject": func() {
			_, _, err := handshake.Parse(bad, limits)
			handshake.AppendReject(dst, err.(*handshake.Error))
		},
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: %v allocations, want none", what, got)
		}
	}
}
