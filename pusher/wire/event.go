package wire

// AppendEvent appends a published event. dataToken is a JSON string token and is copied as the publisher wrote it.
func AppendEvent(dst []byte, event, channel string, dataToken []byte) []byte {
	dst = append(dst, `{"event":`...)
	dst = AppendQuoted(dst, event)
	dst = append(dst, `,"channel":`...)
	dst = AppendQuoted(dst, channel)
	dst = append(dst, `,"data":`...)
	dst = append(dst, dataToken...)
	return append(dst, '}')
}

// AppendClientEvent appends a client event for the other subscribers. It is built from its parts and never forwarded,
// so that a client cannot forge user_id or anything else.
//
// data is the sender's JSON value: as a string token (see AppendDataToken), or untouched when passthrough, or left out
// when nil. userID is the sender's on presence channels; empty leaves it out.
func AppendClientEvent(dst []byte, event, channel string, data []byte, passthrough bool, userID string) []byte {
	dst = append(dst, `{"event":`...)
	dst = AppendQuoted(dst, event)
	dst = append(dst, `,"channel":`...)
	dst = AppendQuoted(dst, channel)
	if data != nil {
		dst = append(dst, `,"data":`...)
		if passthrough {
			dst = append(dst, data...)
		} else {
			dst = AppendDataToken(dst, data)
		}
	}
	if userID != "" {
		dst = append(dst, `,"user_id":`...)
		dst = AppendQuoted(dst, userID)
	}
	return append(dst, '}')
}
