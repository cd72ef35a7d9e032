package pusher

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// ValidChannel reports whether name is a legal channel name of at most max bytes (0: any length), prefix included.
// Legal is one or more of A-Z a-z 0-9 _ - = @ , . ; or ServerToUserPrefix followed by a legal user id. A trailing
// newline is not forgiven, because the text that was signed would differ from the one shown. Any goroutine.
func ValidChannel(name string, max int) bool {
	if max > 0 && len(name) > max {
		return false
	}
	return legal(strings.TrimPrefix(name, ServerToUserPrefix))
}

// ValidUserID reports whether id may be the id of a signed-in user: one or more of the letters of a channel name, at
// most max bytes (0: any length). Pusher documents this alphabet for sign-in and termination; the user_id of a
// presence member is only limited in length. Any goroutine.
func ValidUserID(id string, max int) bool {
	return (max <= 0 || len(id) <= max) && legal(id)
}

// ValidEvent reports whether name may name an event: not empty, at most max characters (0: any length). Letters are
// not restricted: Laravel sends class names with dots and backslashes. Reserved names are ReservedEvent's business.
// Any goroutine.
func ValidEvent(name string, max int) bool {
	if name == "" {
		return false
	}
	// A character is at least one byte, so most names need no counting.
	return max <= 0 || len(name) <= max || utf8.RuneCountInString(name) <= max
}

// ReservedEvent reports whether name belongs to the protocol: it begins with "pusher:" or "pusher_internal:".
// Publishing such an event would let an app, or a client, forge protocol frames. Any goroutine.
func ReservedEvent(name string) bool {
	return strings.HasPrefix(name, "pusher:") || strings.HasPrefix(name, "pusher_internal:")
}

// ClientEventPrefix begins the name of every event a client may send to other clients.
const ClientEventPrefix = "client-"

// ClientEvent reports whether name is that of a client event. The prefix is anchored and needs its dash, and something
// behind it. Any goroutine.
func ClientEvent(name string) bool {
	return len(name) > len(ClientEventPrefix) && strings.HasPrefix(name, ClientEventPrefix)
}

// ValidSocketID reports whether s is two runs of decimal digits joined by a dot, what the official server libraries
// demand before they sign anything. Any goroutine.
func ValidSocketID(s string) bool {
	left, right, ok := strings.Cut(s, ".")
	return ok && digits(left) && digits(right)
}

// A SocketID is the public name of a connection: two numbers, joined by a dot on the wire. It is kept as numbers because
// there are millions. The zero value names nobody.
type SocketID struct{ First, Second uint64 }

// String returns the name as clients see and sign it.
func (id SocketID) String() string {
	var room [41]byte
	b := strconv.AppendUint(room[:0], id.First, 10)
	return string(strconv.AppendUint(append(b, '.'), id.Second, 10))
}

// ParseSocketID reads what String returns. It returns false for anything else: unlike ValidSocketID it takes no numbers
// above 2^64 and no leading zeros. Any goroutine.
func ParseSocketID(s string) (id SocketID, ok bool) {
	left, right, _ := strings.Cut(s, ".")
	first, err := strconv.ParseUint(left, 10, 64)
	if err != nil {
		return SocketID{}, false
	}
	second, err := strconv.ParseUint(right, 10, 64)
	if err != nil {
		return SocketID{}, false
	}
	id = SocketID{first, second}
	if id.String() != s {
		return SocketID{}, false
	}
	return id, true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func legal(s string) bool {
	for i := range len(s) {
		if !legalByte[s[i]] {
			return false
		}
	}
	return s != ""
}

var legalByte = func() (table [256]bool) {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	for _, c := range []byte(letters + strings.ToUpper(letters) + "0123456789_-=@,.;") {
		table[c] = true
	}
	return table
}()
