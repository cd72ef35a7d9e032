package wire

import "bytes"

// A Member is who a connection is on a presence channel.
type Member struct {
	ID   string // never empty; a JSON number keeps the digits it was written with
	Info []byte // any JSON value as it came, a copy; nil when absent
}

var errUserID = &Error{"user_id must be a non-empty string or an integer"}

// ParseMember reads channel_data, which must be UTF-8, after its signature was checked. user_id is a non-empty string,
// or an integer written in plain digits: 1e3 and 1.5 are refused, because two spellings of one number would be two
// users. Lengths and letters are not checked. The error is an *Error.
func ParseMember(channelData string, maxDepth int) (Member, error) {
	b := bytesOf(channelData)
	if err := valid(b, maxDepth); err != nil {
		return Member{}, err
	}
	m, ok := objectMembers(b)
	if !ok {
		return Member{}, errNotObject
	}
	var id, info []byte
	var scratch [16]byte
	for m.next() {
		switch string(m.name(scratch[:])) {
		case "user_id":
			id = m.value
		case "user_info":
			info = m.value
		}
	}
	switch {
	case isString(id) && len(id) > 2:
		return Member{ID: copiedText(id), Info: bytes.Clone(info)}, nil
	case isInteger(id):
		return Member{ID: string(id), Info: bytes.Clone(info)}, nil
	}
	return Member{}, errUserID
}

// isInteger reports whether value, a valid JSON value, is -?\d+.
func isInteger(value []byte) bool {
	value = bytes.TrimPrefix(value, []byte("-"))
	for _, c := range value {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(value) > 0
}
