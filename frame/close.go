package frame

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// A CloseCode says why a connection ends (RFC 6455 §7.4). Codes 3000-3999 belong
// to libraries and frameworks, 4000-4999 to applications.
type CloseCode uint16

// The close codes of RFC 6455 §7.4.1 and the later ones of IANA's registry.
const (
	NormalClosure      CloseCode = 1000
	GoingAway          CloseCode = 1001
	ProtocolError      CloseCode = 1002
	UnsupportedData    CloseCode = 1003
	NoStatus           CloseCode = 1005 // never on the wire: the frame had no code
	AbnormalClosure    CloseCode = 1006 // never on the wire: there was no close frame
	InvalidPayload     CloseCode = 1007
	PolicyViolation    CloseCode = 1008
	MessageTooBig      CloseCode = 1009
	MandatoryExtension CloseCode = 1010
	InternalError      CloseCode = 1011
	ServiceRestart     CloseCode = 1012
	TryAgainLater      CloseCode = 1013
	BadGateway         CloseCode = 1014
	TLSHandshake       CloseCode = 1015 // never on the wire: TLS failed
)

// MaxCloseReason is the longest reason of a close frame, in bytes: a control
// payload less the code.
const MaxCloseReason = MaxControlPayload - 2

// OnWire reports whether c may appear in a close frame: defined and not one of
// the three that only stand for what was seen locally, or 3000-4999 (RFC 6455
// §7.4). Any goroutine.
func (c CloseCode) OnWire() bool {
	switch {
	case c < NormalClosure:
		return false
	case c <= UnsupportedData:
		return true
	case c < InvalidPayload: // 1004 has no meaning; 1005 and 1006 are local
		return false
	case c <= BadGateway:
		return true
	}
	return 3000 <= c && c <= 4999
}

// AppendClose appends a whole unmasked close frame to dst and returns the
// extended slice.
//
// reason is cut to [MaxCloseReason] bytes on a rune boundary; where it is not
// UTF-8 it gets U+FFFD. Code 0, and one that must not be sent (1005, 1006, 1015),
// gives a frame without payload, reason and all. Other codes are sent as they
// are. dst is taken. Any goroutine.
func AppendClose(dst []byte, code CloseCode, reason string) []byte {
	const finClose = finBit | byte(Close)
	switch code {
	case 0, NoStatus, AbnormalClosure, TLSHandshake:
		return append(dst, finClose, 0)
	}
	reason = closeReason(reason)
	dst = append(dst, finClose, byte(2+len(reason)), byte(code>>8), byte(code))
	return append(dst, reason...)
}

func closeReason(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	if len(s) <= MaxCloseReason {
		return s
	}
	end := MaxCloseReason
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// ParseClose reads the payload of a close frame, already unmasked.
//
// An empty payload gives [NoStatus] (RFC 6455 §7.1.5). A *[Error] says what to
// answer: 1002 for one byte, more than 125, or a code that is not [CloseCode.OnWire],
// 1007 for a reason that is not UTF-8 (§5.5.1, §7.4). payload is borrowed; reason
// is a copy. Any goroutine.
func ParseClose(payload []byte) (code CloseCode, reason string, err error) {
	switch {
	case len(payload) == 0:
		return NoStatus, "", nil
	case len(payload) == 1:
		return 0, "", errCloseTruncated
	case len(payload) > MaxControlPayload:
		return 0, "", errControlTooLong
	}
	code = CloseCode(binary.BigEndian.Uint16(payload))
	if !code.OnWire() {
		return 0, "", errInvalidCloseCode
	}
	if !utf8.Valid(payload[2:]) {
		return 0, "", errCloseUTF8
	}
	return code, string(payload[2:]), nil
}
