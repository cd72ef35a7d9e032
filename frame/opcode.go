package frame

import "strconv"

// An Opcode says what the payload of a frame is (RFC 6455 §5.2).
type Opcode byte

// The opcodes RFC 6455 §11.8 defines; all others are reserved and refused.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xa
)

// IsControl reports whether o is a control opcode, a reserved one included
// (RFC 6455 §5.5: the most significant bit of the four is 1). Any goroutine.
func (o Opcode) IsControl() bool { return o&0x8 != 0 }

// String returns the lower-case word RFC 6455 uses, or "reserved_" and the
// number: fit for a metric label. Any goroutine.
func (o Opcode) String() string {
	switch o {
	case Continuation:
		return "continuation"
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return "reserved_" + strconv.Itoa(int(o))
}

// defined has bit n set when opcode n is not reserved.
const defined = 1<<Continuation | 1<<Text | 1<<Binary | 1<<Close | 1<<Ping | 1<<Pong
