package wire

import "strconv"

// AppendConnectionEstablished appends the first frame of every connection. activityTimeout is in seconds and must be
// greater than 0, or pusher-js never connects.
func AppendConnectionEstablished(dst []byte, socketID string, activityTimeout int) []byte {
	dst = append(dst, `{"event":"pusher:connection_established","data":"`...)
	from := len(dst)
	dst = append(dst, `{"socket_id":`...)
	dst = AppendQuoted(dst, socketID)
	dst = append(dst, `,"activity_timeout":`...)
	dst = strconv.AppendInt(dst, int64(activityTimeout), 10)
	dst = append(dst, '}')
	dst = escapeFrom(dst, from)
	return append(dst, `"}`...)
}

// AppendError appends a pusher:error, whose data is an object. Code 0 becomes null, which must not be sent before
// pusher:connection_established: pusher-js hangs on it.
func AppendError(dst []byte, code int, message string) []byte {
	dst = append(dst, `{"event":"pusher:error","data":{"code":`...)
	if code == 0 {
		dst = append(dst, `null`...)
	} else {
		dst = strconv.AppendInt(dst, int64(code), 10)
	}
	dst = append(dst, `,"message":`...)
	dst = AppendQuoted(dst, message)
	return append(dst, `}}`...)
}

// AppendPong appends the answer to a client's ping event.
func AppendPong(dst []byte) []byte {
	return append(dst, `{"event":"pusher:pong","data":"{}"}`...)
}
