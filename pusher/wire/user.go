package wire

import "bytes"

// A User is who a connection signed in as.
type User struct {
	ID        string   // never empty
	Info      []byte   // any JSON value as it came, a copy; nil when absent
	Watchlist []string // user ids in order, duplicates kept
}

var (
	errID        = &Error{"id must be a non-empty string"}
	errWatchlist = &Error{"watchlist must be an array of strings"}
)

// ParseUser reads user_data, which must be UTF-8, after its signature was checked. The id must be a string and not
// empty: unlike a presence user_id it may not be a number ("Signing in" in the Pusher documentation). The watchlist is
// an array of strings, null or absent; its length is not checked. The error is an *Error.
func ParseUser(userData string, maxDepth int) (User, error) {
	b := bytesOf(userData)
	if err := valid(b, maxDepth); err != nil {
		return User{}, err
	}
	m, ok := objectMembers(b)
	if !ok {
		return User{}, errNotObject
	}
	var id, info, watchlist []byte
	var scratch [16]byte
	for m.next() {
		switch string(m.name(scratch[:])) {
		case "id":
			id = m.value
		case "user_info":
			info = m.value
		case "watchlist":
			watchlist = m.value
		}
	}
	if !isString(id) || len(id) == 2 {
		return User{}, errID
	}
	watched, ok := texts(watchlist)
	if !ok {
		return User{}, errWatchlist
	}
	return User{ID: copiedText(id), Info: bytes.Clone(info), Watchlist: watched}, nil
}

// texts returns the strings of an array; null or nothing gives none. ok is false for any other value.
func texts(value []byte) (list []string, ok bool) {
	if value == nil || isNull(value) {
		return nil, true
	}
	e, ok := arrayElements(value)
	if !ok {
		return nil, false
	}
	for e.next() {
		if !isString(e.value) {
			return nil, false
		}
		list = append(list, copiedText(e.value))
	}
	return list, true
}
