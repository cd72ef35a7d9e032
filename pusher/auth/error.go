package auth

import "strings"

// An Error says why a request is not authentic. Message is the body of the 401, in the words of Pusher's own
// signature library; Reason, a bounded set of snake_case words, is the metric label. Errors are shared and must not
// be changed.
type Error struct {
	Message, Reason string
}

// Error returns the message.
func (e *Error) Error() string { return "auth: " + e.Message }

var (
	errNoKey         = &Error{"Missing parameter: auth_key", "missing_key"}
	errUnknownKey    = &Error{"Unknown auth_key", "unknown_key"}
	errNoVersion     = &Error{"Version required", "missing_version"}
	errVersion       = &Error{"Version not supported", "bad_version"}
	errNoTimestamp   = &Error{"Timestamp required", "missing_timestamp"}
	errTimestamp     = &Error{"Timestamp must be a number of seconds", "bad_timestamp"}
	errBodyMD5       = &Error{"Invalid body_md5", "bad_body_md5"}
	errNoBodyMD5     = &Error{"Missing parameter: body_md5", "missing_body_md5"}
	errEscape        = &Error{"Invalid percent-encoding in query", "bad_query"}
	errAmbiguous     = &Error{"Invalid character in query", "bad_query"}
	errTooManyParams = &Error{"Too many parameters", "too_many_parameters"}
)

func errDuplicate(name string) *Error {
	const longest = 64
	if len(name) > longest {
		name = name[:longest]
	}
	return &Error{"Duplicate parameter: " + strings.ToValidUTF8(name, "?"), "duplicate_parameter"}
}
