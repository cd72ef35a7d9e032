package swarm

import (
	"bytes"
	"strconv"
)

// An event is a message that is about the protocol, not a published one.
type event uint8

const (
	eventOther event = iota // presence, counts, watchlists, whatever else there may be
	eventEstablished
	eventSubscribed
	eventPing
	eventError
)

// eventOf tells what a Pusher message without a stamp is. Searching is enough: names with "pusher" in
// front are the server's alone, and nobody else publishes on the channels of a run.
func eventOf(message []byte) event {
	switch {
	case bytes.Contains(message, []byte(`"pusher_internal:subscription_succeeded"`)):
		return eventSubscribed
	case bytes.Contains(message, []byte(`"pusher:ping"`)):
		return eventPing
	case bytes.Contains(message, []byte(`"pusher:connection_established"`)):
		return eventEstablished
	case bytes.Contains(message, []byte(`"pusher:error"`)):
		return eventError
	}
	return eventOther
}

// socketIDOf returns the socket ID in a greeting, empty when there is none. It is borrowed.
func socketIDOf(greeting []byte) []byte {
	return value(greeting, "socket_id", func(c byte) bool { return c >= '0' && c <= '9' || c == '.' })
}

// activityTimeout returns the seconds of silence that a greeting allows, 0 when it does not say.
func activityTimeout(greeting []byte) int {
	seconds, _ := strconv.Atoi(string(value(greeting, "activity_timeout", digit)))
	return seconds
}

// errorText returns a pusher:error's code and text in a form fit for counting.
func errorText(message []byte) string {
	text := []byte("no text")
	if _, after, ok := bytes.Cut(message, []byte(`message":`)); ok {
		text = bytes.TrimLeft(after, ` "`)
		if end := bytes.IndexAny(text, `"\`); end >= 0 {
			text = text[:end]
		}
		text = text[:min(len(text), 100)]
	}
	text = anonymous(text)
	if code := value(message, `code`, digit); len(code) > 0 {
		return "pusher:error " + string(code) + ": " + string(text)
	}
	return "pusher:error: " + string(text)
}

// anonymous cuts a text before the first name of a channel or socket, which would make every error
// its own kind.
func anonymous(text []byte) []byte {
	for at := 0; at < len(text); {
		word, _, _ := bytes.Cut(text[at:], []byte(" "))
		if bytes.Contains(word, []byte("load-")) || len(word) > 2 && digit(word[0]) && bytes.IndexByte(word, '.') > 0 {
			return bytes.TrimRight(text[:at], " ")
		}
		at += len(word) + 1
	}
	return text
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// value returns the run of wanted bytes that follows a member's name and its punctuation, quoted or
// not, escaped or not.
func value(b []byte, name string, wanted func(byte) bool) []byte {
	_, after, ok := bytes.Cut(b, append([]byte(name), '"'))
	if !ok {
		_, after, ok = bytes.Cut(b, append([]byte(name), '\\', '"'))
	}
	if !ok {
		return nil
	}
	after = bytes.TrimLeft(after, ` :"\`)
	n := 0
	for n < len(after) && wanted(after[n]) {
		n++
	}
	return after[:n]
}
