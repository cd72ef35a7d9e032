package engine_test

import (
	"testing"

	"github.com/gobwas/ws"
)

// One conversation, counted by hand.
func TestMetricsCountASmallScenario(t *testing.T) {
	s := serve(t, &handler{})
	c := dial(t, s) // the 101 counts as a frame: it leaves with the first ones in one send
	s.wantMetrics(map[string]string{"gannet_engine_websockets": "1", "gannet_engine_sockets": "1"})
	c.echo("hello") // 2 + 5 bytes
	c.write(masked(ws.OpText, false, "he") + masked(ws.OpPing, true, "p") + masked(ws.OpContinuation, true, "y"))
	c.want(ws.OpPong, "p") // 2 + 1
	c.wantText("hey")      // 2 + 3, in the same send
	c.write(closing(1000, ""))
	c.wantClose(1000, "") // 2 + 2
	c.wantEnd()
	_ = c.Close()
	early := raw(t, s)
	s.wantConns(1)
	early.reset()
	s.wantConns(0)
	s.wantMetrics(map[string]string{
		"gannet_engine_accepts_total":                            "2",
		"gannet_engine_accept_errors_total":                      "0",
		`gannet_engine_accept_pauses_total{reason="sockets"}`:    "0",
		`gannet_engine_handshakes_total{outcome="accepted"}`:     "1",
		`gannet_engine_handshakes_total{outcome="closed_early"}`: "1",
		"gannet_engine_messages_in_total":                        "2",
		"gannet_engine_message_bytes_in_total":                   "8",
		"gannet_engine_frames_out_total":                         "5",
		"gannet_engine_bytes_out_total":                          itoa(len(accepted) + 7 + 3 + 5 + 4),
		"gannet_engine_pings_in_total":                           "1",
		"gannet_engine_pings_out_total":                          "0",
		"gannet_engine_panics_total":                             "0",
		"gannet_engine_blocked_total":                            "0",
		`gannet_engine_closes_total{reason="peer"}`:              "1",
		`gannet_engine_closes_total{reason="server"}`:            "0",
		`gannet_engine_closes_total{reason="socket"}`:            "0",
		"gannet_engine_websockets":                               "0",
		"gannet_engine_sockets":                                  "0",
	})
}
