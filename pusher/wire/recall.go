package wire

import (
	"strconv"
	"time"
)

// A Recall is what a pusher:subscribe says about the channel's past. Clients of the stock SDKs never say anything.
type Recall struct {
	HasResume bool
	Resume    string // the position to go on from, unchecked; "" when it was no text
	Socket    string // the socket id that the client had then, unchecked; "" when it said none

	Rewind int           // how many of the last events to begin with; 0: none
	Window time.Duration // how much of the last time to begin with; 0: none
}

var errRewind = &Error{"rewind must be a number of events, or a time such as \"30s\""}

// readRecall reads the members resume, socket and rewind, each nil when it was not there. It returns nil when nothing
// was said.
func readRecall(resume, socket, rewind []byte) (*Recall, error) {
	given := func(value []byte) bool { return value != nil && !isNull(value) }
	if !given(resume) && !given(rewind) {
		return nil, nil
	}
	r := &Recall{HasResume: given(resume)}
	if r.HasResume && isString(resume) {
		r.Resume = copiedText(resume)
	}
	if given(socket) && isString(socket) {
		r.Socket = copiedText(socket)
	}
	if !given(rewind) {
		return r, nil
	}
	if !isString(rewind) {
		n, err := strconv.Atoi(string(rewind))
		if err != nil || n < 0 {
			return nil, errRewind
		}
		r.Rewind = n
		return r, nil
	}
	d, err := time.ParseDuration(copiedText(rewind))
	if err != nil || d < 0 {
		return nil, errRewind
	}
	r.Window = d
	return r, nil
}
