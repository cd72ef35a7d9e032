package wire

// An Error says why bytes do not have the shape they should, in words fit for a pusher:error or the body of a 400. It
// never quotes the input. Errors are shared and must not be changed.
type Error struct {
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return "wire: " + e.Message }

var (
	errNotJSON   = &Error{"not valid JSON"}
	errNotUTF8   = &Error{"not valid UTF-8"}
	errTooDeep   = &Error{"nested too deeply"}
	errNotObject = &Error{"not a JSON object"}

	errNoEvent    = &Error{"event must be a string"}
	errBadChannel = &Error{"channel must be a string"}
)
