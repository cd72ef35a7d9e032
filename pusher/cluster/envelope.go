package cluster

import (
	"encoding/binary"
	"errors"
)

// A Kind says what an envelope carries.
type Kind byte

const (
	KindEvent     Kind = 1 // an event that a server published
	KindClient    Kind = 2 // an event that a client sent
	KindTerminate Kind = 3 // the wish that a user's connections end

	// What is for operators, between the desks of nodes.
	KindSummary Kind = 4 // how a node is
	KindWatch   Kind = 5 // the wish to be shown what happens
	KindShown   Kind = 6 // what has happened
	KindClose   Kind = 7 // the wish that a connection ends
)

// Flags say more about it. Those that a node does not know it ignores.
type Flags uint64

const (
	FlagCached Flags = 1 << iota // the event is to be kept as the newest of a cache channel
)

// An Envelope is one message between nodes. The wire form:
//
//	version  1 byte, 1
//	kind     1 byte
//	fields   until the end, each: number (uvarint, above 0), length (uvarint), that many bytes
//
// Fields are written in the order of their numbers, and those that are empty are left out. A field of an unknown number is skipped; one
// that comes twice is refused. An unknown kind is not an error here: whoever reads one leaves it alone.
type Envelope struct {
	Kind   Kind
	Flags  Flags  // field 1: uvarint
	Except []byte // field 2: the socket id that is not to get it
	Event  []byte // field 3: the event's name, from which the key of a flow is made
	ID     []byte // field 4: what a publisher who tries again says again
	User   []byte // field 5: whom it is about
	App    []byte // field 6: the app it is for, where the topic does not say that
	Body   []byte // field 7: the message itself
	Time   int64  // field 8: when it was published, in Unix nanoseconds; varint, zigzag; 0: not said
	Trace  []byte // field 9: the span that it belongs to, as trace.Context writes it; only of what is traced
}

const envelopeVersion = 1

// ErrEnvelope says that bytes are no envelope that this node can read.
var ErrEnvelope = errors.New("cluster: not an envelope of a known version")

// The numbers of fields.
const (
	fieldFlags = 1 + iota
	fieldExcept
	fieldEvent
	fieldID
	fieldUser
	fieldApp
	fieldBody
	fieldTime
	fieldTrace
	fieldEnd
)

// EnvelopeRoom is how much more than its fields an envelope takes at most.
const EnvelopeRoom = 2 + 9*(1+binary.MaxVarintLen64)

// Append appends the wire form of e to dst and returns the extended slice. dst is taken, the fields of e are borrowed.
func (e *Envelope) Append(dst []byte) []byte {
	dst = append(dst, envelopeVersion, byte(e.Kind))
	var room [binary.MaxVarintLen64]byte
	if e.Flags != 0 {
		dst = appendField(dst, fieldFlags, binary.AppendUvarint(room[:0], uint64(e.Flags)))
	}
	dst = appendField(dst, fieldExcept, e.Except)
	dst = appendField(dst, fieldEvent, e.Event)
	dst = appendField(dst, fieldID, e.ID)
	dst = appendField(dst, fieldUser, e.User)
	dst = appendField(dst, fieldApp, e.App)
	dst = appendField(dst, fieldBody, e.Body)
	if e.Time != 0 {
		dst = appendField(dst, fieldTime, binary.AppendVarint(room[:0], e.Time))
	}
	return appendField(dst, fieldTrace, e.Trace)
}

func appendField(dst []byte, number uint64, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, number)
	dst = binary.AppendUvarint(dst, uint64(len(value)))
	return append(dst, value...)
}

// ParseEnvelope reads what Append has written. The fields are parts of b, which is shared. The error is ErrEnvelope.
func ParseEnvelope(b []byte) (e Envelope, err error) {
	if len(b) < 2 || b[0] != envelopeVersion {
		return Envelope{}, ErrEnvelope
	}
	e.Kind = Kind(b[1])
	seen := 0
	for b = b[2:]; len(b) > 0; {
		number, n := binary.Uvarint(b)
		if n <= 0 || number == 0 {
			return Envelope{}, ErrEnvelope
		}
		b = b[n:]
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return Envelope{}, ErrEnvelope
		}
		value := b[n : n+int(length) : n+int(length)]
		b = b[n+int(length):]
		if number >= fieldEnd {
			continue
		}
		if seen&(1<<number) != 0 || !e.set(number, value) {
			return Envelope{}, ErrEnvelope
		}
		seen |= 1 << number
	}
	return e, nil
}

// set takes in one field. It returns false when the value cannot be one.
func (e *Envelope) set(number uint64, value []byte) bool {
	switch number {
	case fieldFlags:
		flags, n := binary.Uvarint(value)
		e.Flags = Flags(flags)
		return n == len(value) && n > 0
	case fieldExcept:
		e.Except = value
	case fieldEvent:
		e.Event = value
	case fieldID:
		e.ID = value
	case fieldUser:
		e.User = value
	case fieldApp:
		e.App = value
	case fieldBody:
		e.Body = value
	case fieldTime:
		at, n := binary.Varint(value)
		e.Time = at
		return n == len(value) && n > 0
	case fieldTrace:
		e.Trace = value
	}
	return true
}
