package wire

// A Frame is one event as a client sent it. Both strings are borrowed: without escapes they are parts of the message
// itself, so they must be cloned before they are kept.
type Frame struct {
	Event      string // decoded
	Channel    string // decoded; empty when absent or null
	HasChannel bool
	Data       []byte // any JSON value as it came, without blanks around it; nil when absent
}

// ParseFrame reads one text message, which must be UTF-8: an object whose event is a string and whose channel, if there
// is one, is a string or null. Other members are skipped. The error is an *Error. It allocates nothing, unless event
// or channel has escapes.
func ParseFrame(msg []byte, maxDepth int) (Frame, error) {
	var f Frame
	if err := valid(msg, maxDepth); err != nil {
		return f, err
	}
	m, ok := objectMembers(msg)
	if !ok {
		return f, errNotObject
	}
	var event, channel []byte
	var scratch [16]byte
	for m.next() {
		switch string(m.name(scratch[:])) {
		case "event":
			event = m.value
		case "channel":
			channel = m.value
		case "data":
			f.Data = m.value
		}
	}
	// Types are judged only now: of two members with one name the first does not exist.
	if !isString(event) {
		return Frame{}, errNoEvent
	}
	f.Event = borrowedText(event)
	if channel != nil && !isNull(channel) {
		if !isString(channel) {
			return Frame{}, errBadChannel
		}
		f.Channel, f.HasChannel = borrowedText(channel), true
	}
	return f, nil
}
