package trace

import "bytes"

// The bounds of a tracestate (§3.3.1.1, §3.3.1.5). It may be longer than that; nobody has to hand such a one on.
const (
	maxStateBytes   = 512
	maxStateMembers = 32
)

// validState reports whether b is a tracestate that can be handed on: a list of key=value (§3.3.1). Which keys there are is not
// looked at any closer than that: they are for others.
func validState(b []byte) bool {
	if len(b) > maxStateBytes {
		return false
	}
	members := 0
	for member := range bytes.SplitSeq(b, []byte{','}) {
		member = bytes.Trim(member, " \t")
		if len(member) == 0 {
			continue // §3.3.1.1: empty ones are allowed
		}
		if members++; members > maxStateMembers || !validMember(member) {
			return false
		}
	}
	return true
}

func validMember(b []byte) bool {
	key, value, ok := bytes.Cut(b, []byte{'='})
	if !ok || len(key) == 0 || len(key) > 256 || len(value) == 0 || len(value) > 256 {
		return false
	}
	for _, c := range key {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '-', c == '*', c == '/', c == '@':
		default:
			return false
		}
	}
	for _, c := range value {
		if c < ' ' || c > '~' || c == '=' {
			return false
		}
	}
	return true
}
