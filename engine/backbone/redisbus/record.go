package redisbus

import (
	"strconv"
	"strings"

	"github.com/gannet-io/gannet/engine/backbone"
)

// parseRecord reads what append.lua publishes: epoch, offset, time in µs, each with a space behind it, and the message.
func parseRecord(text string) (epoch string, e backbone.Stored, ok bool) {
	epoch, text, _ = strings.Cut(text, " ")
	offset, text, _ := strings.Cut(text, " ")
	at, text, ok := strings.Cut(text, " ")
	if !ok || epoch == "" {
		return "", e, false
	}
	var err1, err2 error
	e.Offset, err1 = strconv.ParseUint(offset, 10, 64)
	micros, err2 := strconv.ParseInt(at, 10, 64)
	if err1 != nil || err2 != nil || e.Offset == 0 {
		return "", e, false
	}
	e.At = micros * 1000
	e.Message = bytesOf(text)
	return epoch, e, true
}
