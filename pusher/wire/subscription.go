package wire

import "strconv"

// AppendSubscriptionSucceeded appends the answer to a subscription to a channel without presence. Its data is the
// string "{}": without it the Swift client never reports the subscription and the Java client crashes.
func AppendSubscriptionSucceeded(dst []byte, channel string) []byte {
	dst = append(dst, `{"event":"pusher_internal:subscription_succeeded","channel":`...)
	dst = AppendQuoted(dst, channel)
	return append(dst, `,"data":"{}"}`...)
}

// AppendSubscriptionError appends pusher:subscription_error as soketi sends it, with an object as data. Pusher itself
// sends only pusher:error; this frame is for apps that ask for it. typ is such as "AuthError", status an HTTP status.
func AppendSubscriptionError(dst []byte, channel, typ, text string, status int) []byte {
	dst = append(dst, `{"event":"pusher:subscription_error","channel":`...)
	dst = AppendQuoted(dst, channel)
	dst = append(dst, `,"data":{"type":`...)
	dst = AppendQuoted(dst, typ)
	dst = append(dst, `,"error":`...)
	dst = AppendQuoted(dst, text)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	return append(dst, `}}`...)
}

// AppendSubscriptionCount appends the announcement that channel now has n subscribers.
func AppendSubscriptionCount(dst []byte, channel string, n int) []byte {
	dst = append(dst, `{"event":"pusher_internal:subscription_count","channel":`...)
	dst = AppendQuoted(dst, channel)
	dst = append(dst, `,"data":"{\"subscription_count\":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, `}"}`...)
}

// AppendCacheMiss appends what a new subscriber of an empty cache channel gets.
func AppendCacheMiss(dst []byte, channel string) []byte {
	dst = append(dst, `{"event":"pusher:cache_miss","channel":`...)
	dst = AppendQuoted(dst, channel)
	return append(dst, `,"data":"{}"}`...)
}
