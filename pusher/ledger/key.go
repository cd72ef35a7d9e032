package ledger

import (
	"encoding/binary"
	"strings"
)

// A Class says what an entry of the board is about.
type Class byte

const (
	Count   Class = 'c' // connections that are subscribed to a topic; the value is their number
	Member  Class = 'm' // a member of a topic; the value is the info
	User    Class = 's' // a signed-in user; the topic is the app's id
	Process Class = 'p' // of which process the incarnation is one; the value stands for it
	Dues    Class = 'd' // what is done of what is to be told of the board; the value is none of the ledger's
)

// A Key names an entry. On the board it is the class, the topic, and for members and users a NUL and the user, which is all
// that may have a NUL in it.
type Key struct {
	Class Class
	Topic string
	User  string
}

// String returns the key as the board has it.
func (k Key) String() string {
	if k.Class == Member || k.Class == User {
		return string(k.Class) + k.Topic + "\x00" + k.User
	}
	return string(k.Class) + k.Topic
}

// ParseKey reads what String returns. ok is false for what is no key of a known class.
func ParseKey(key string) (k Key, ok bool) {
	if key == "" {
		return Key{}, false
	}
	k = Key{Class: Class(key[0]), Topic: key[1:]}
	switch k.Class {
	case Count:
		return k, !strings.Contains(k.Topic, "\x00")
	case Member, User:
		k.Topic, k.User, ok = strings.Cut(k.Topic, "\x00")
		return k, ok
	case Process, Dues:
		return k, k.Topic == ""
	}
	return Key{}, false
}

// AppendCount appends the value of a Count entry to dst.
func AppendCount(dst []byte, count int) []byte { return binary.AppendUvarint(dst, uint64(count)) }

// parseCount reads what AppendCount wrote. It returns false for what is none.
func parseCount(value []byte) (count uint32, ok bool) {
	x, n := binary.Uvarint(value)
	if n <= 0 || n != len(value) || x > 1<<32-1 {
		return 0, false
	}
	return uint32(x), true
}
