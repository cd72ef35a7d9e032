package swarm_test

import (
	"testing"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/swarm"
)

func TestOpeningAsksForTheApp(t *testing.T) {
	d := swarm.Speak(&plan.Plan{Protocol: plan.Pusher, Key: "app-key"})
	got := string(swarm.AppendOpening(nil, "ws.example:6001", "/realtime"+d.Endpoint()))
	const want = "GET /realtime/app/app-key?protocol=7&client=loadtest&version=1.0.0&flash=false HTTP/1.1\r\n" +
		"Host: ws.example:6001\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
