//go:build e2e

package e2e

import (
	"testing"

	"github.com/gobwas/ws"
)

func TestASilentConnectionIsPingedAndAnsweringKeepsIt(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\nping_interval: 1s\npong_wait: 2s\n")
	// Control frames only, as Java and Swift answer no pusher:ping.
	// A client that waits for a processor may be late with its answer, for once. If answers did not
	// count, it would be closed each time.
	var alive *client
	eventually(t, "a client that answers three pings is still there", func() bool {
		alive = connectTo(t, s, quiet)
		for range 3 {
			f := alive.frame()
			if sameEvent(string(f.Payload), "pusher:error") {
				return false
			}
			if f.Header.OpCode != ws.OpPing {
				t.Fatalf("got opcode %d %q, want a control ping", f.Header.OpCode, f.Payload)
			}
			alive.sendFrame(ws.NewPongFrame(f.Payload))
		}
		alive.send(`{"event":"pusher:ping","data":{}}`)
		for {
			switch f := alive.frame(); {
			case f.Header.OpCode == ws.OpPing:
				alive.sendFrame(ws.NewPongFrame(f.Payload))
			case sameEvent(string(f.Payload), "pusher:error"):
				return false
			case sameEvent(string(f.Payload), "pusher:pong"):
				return true
			default:
				t.Fatalf("got opcode %d %q, want pusher:pong", f.Header.OpCode, f.Payload)
			}
		}
	})
	dead := connectTo(t, s, quiet)
	if f := dead.frame(); f.Header.OpCode != ws.OpPing {
		t.Fatalf("got opcode %d %q, want a control ping", f.Header.OpCode, f.Payload)
	}
	dead.expectRefusal(4201)
}
