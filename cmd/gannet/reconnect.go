package main

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/gobwas/ws/wsutil"
)

// longestPause bounds the pause between two attempts to connect.
const longestPause = 30 * time.Second

// reconnectAfter says what to do after the end of a connection, by the close code's range
// (Pusher protocol, "Error codes"): ok is false when the same connection would be refused
// again. attempt counts the attempts since the last connection that was established, from 0.
func reconnectAfter(err error, attempt int) (pause time.Duration, ok bool) {
	code := 0
	var closed wsutil.ClosedError
	if errors.As(err, &closed) {
		code = int(closed.Code)
	}
	switch {
	case code >= 4000 && code <= 4099, code >= 4300 && code <= 4399:
		return 0, false
	case code >= 4200 && code <= 4299 && attempt == 0:
		return 0, true
	}
	// 4100 to 4199, the WebSocket layer's own codes, and a connection that just broke.
	pause = min(time.Second<<min(attempt, 10), longestPause)
	return pause + rand.N(pause/4), true
}
