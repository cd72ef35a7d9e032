package frame

import "strconv"

// An Error is something a peer sent that RFC 6455 or a limit forbids. The
// connection must be failed with Code (§7.1.7).
//
// The package returns only shared *Error values that it never changes, so
// refusing costs no allocation and Reason is one of a bounded set.
type Error struct {
	Code   CloseCode
	Reason string // snake_case, also a metric label
}

// Error implements error. Any goroutine.
func (e *Error) Error() string {
	return "frame: " + e.Reason + " (" + strconv.Itoa(int(e.Code)) + ")"
}

var (
	// What a header alone shows.
	errReservedOpcode    = &Error{ProtocolError, "reserved_opcode"}
	errFragmentedControl = &Error{ProtocolError, "fragmented_control"}
	errControlTooLong    = &Error{ProtocolError, "control_too_long"}
	errLengthNotMinimal  = &Error{ProtocolError, "length_not_minimal"}
	errLengthTopBit      = &Error{ProtocolError, "length_top_bit"}

	// What a server must refuse, or a frame out of its turn.
	errReservedBits           = &Error{ProtocolError, "reserved_bits"}
	errUnmasked               = &Error{ProtocolError, "unmasked_frame"}
	errUnexpectedContinuation = &Error{ProtocolError, "unexpected_continuation"}
	errExpectedContinuation   = &Error{ProtocolError, "expected_continuation"}

	// Limits.
	errMessageTooBig    = &Error{MessageTooBig, "message_too_big"}
	errTooManyFragments = &Error{PolicyViolation, "too_many_fragments"}

	// Payloads.
	errInvalidUTF8      = &Error{InvalidPayload, "invalid_utf8"}
	errCloseTruncated   = &Error{ProtocolError, "close_truncated"}
	errInvalidCloseCode = &Error{ProtocolError, "invalid_close_code"}
	errCloseUTF8        = &Error{InvalidPayload, "close_invalid_utf8"}
)
