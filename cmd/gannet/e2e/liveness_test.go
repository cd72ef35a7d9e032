//go:build e2e

package e2e

import (
	"testing"

	"github.com/gobwas/ws"
)

func TestASilentConnectionIsPingedAndAnsweringKeepsIt(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\nping_interval: 1s\npong_wait: 2s\n")
	// Control frames only, as Java and Swift answer no pusher:ping.
	alive := connectTo(t, s, quiet)
	dead := connectTo(t, s, quiet)
	for range 3 {
		f := alive.frame()
		if f.Header.OpCode != ws.OpPing {
			t.Fatalf("got opcode %d %q, want a control ping", f.Header.OpCode, f.Payload)
		}
		alive.sendFrame(ws.NewPongFrame(f.Payload))
	}
	if f := dead.frame(); f.Header.OpCode != ws.OpPing {
		t.Fatalf("got opcode %d %q, want a control ping", f.Header.OpCode, f.Payload)
	}
	dead.expectRefusal(4201)
	alive.send(`{"event":"pusher:ping","data":{}}`)
	for {
		f := alive.frame()
		if f.Header.OpCode == ws.OpPing {
			alive.sendFrame(ws.NewPongFrame(f.Payload))
			continue
		}
		if !sameEvent(string(f.Payload), "pusher:pong") {
			t.Fatalf("got opcode %d %q, want pusher:pong", f.Header.OpCode, f.Payload)
		}
		return
	}
}
