package wire

import "strconv"

// A PastEvent is one of a channel's events that are kept.
type PastEvent struct {
	At   int64  // when it was published, in milliseconds since 1970
	JSON []byte // the message as subscribers got it, an object
}

// AppendPast appends the answer to GET /channels/{name}/events: the events, as they were sent but with the time first. head is the
// position of the newest that there was, null when nothing is known of the channel. more says that others follow; gap why
// it is not known whether something is missing behind the position that was asked for, "" when nothing is.
func AppendPast(dst []byte, events []PastEvent, head string, more bool, gap string) []byte {
	dst = append(dst, `{"events":[`...)
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"time":`...)
		dst = strconv.AppendInt(dst, events[i].At, 10)
		dst = append(dst, ',')
		dst = append(dst, events[i].JSON[1:]...)
	}
	dst = append(dst, `],"head":`...)
	if head == "" {
		dst = append(dst, `null`...)
	} else {
		dst = AppendQuoted(dst, head)
	}
	dst = append(dst, `,"more":`...)
	dst = strconv.AppendBool(dst, more)
	dst = append(dst, `,"complete":`...)
	dst = strconv.AppendBool(dst, gap == "")
	if gap != "" {
		dst = append(dst, `,"reason":`...)
		dst = AppendQuoted(dst, gap)
	}
	return append(dst, '}')
}
