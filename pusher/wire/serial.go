package wire

import "strconv"

// A Place is a position in the history of a channel, which writes itself: epoch and offset, without anything that JSON
// would escape.
type Place interface {
	Append(dst []byte) []byte
}

// AppendOpenEvent appends a published event as AppendEvent does, but for the brace at its end: Seal goes on.
func AppendOpenEvent(dst []byte, event, channel string, dataToken []byte) []byte {
	dst = AppendEvent(dst, event, channel, dataToken)
	return dst[:len(dst)-1]
}

// Seal appends the end of what AppendOpenEvent began, with the event's place as its last member.
func Seal[P Place](dst []byte, place P) []byte {
	dst = append(dst, `,"serial":"`...)
	dst = place.Append(dst)
	return append(dst, `"}`...)
}

// Recovery is what an answer to a subscription says about the position that it asked to resume from.
type Recovery uint8

const (
	NotAsked Recovery = iota
	Recovered
	NotRecovered
)

// AddPlace gives the subscription_succeeded at the end of dst what tells of the channel's history: the place before the
// first event that follows, nil when there is no history; what became of resuming; and why, if it failed.
func AddPlace[P Place](dst []byte, place *P, r Recovery, reason string) []byte {
	dst = dst[:len(dst)-1]
	if place != nil {
		dst = append(dst, `,"serial":"`...)
		dst = (*place).Append(dst)
		dst = append(dst, '"')
	}
	switch r {
	case Recovered:
		dst = append(dst, `,"recovered":true`...)
	case NotRecovered:
		dst = append(dst, `,"recovered":false,"reason":`...)
		dst = AppendQuoted(dst, reason)
	}
	return append(dst, '}')
}

// AppendPosition appends what a connection gets in place of events that it does not get: where the channel is now, nil
// when it has no history, and how many events were dropped because the connection was too slow, 0 when that is not why.
// The event's prefix makes every version of pusher-js swallow it.
func AppendPosition[P Place](dst []byte, channel string, place *P, skipped int) []byte {
	dst = append(dst, `{"event":"pusher_internal:gannet_position","channel":`...)
	dst = AppendQuoted(dst, channel)
	dst = append(dst, `,"data":"{}"`...)
	if place != nil {
		dst = append(dst, `,"serial":"`...)
		dst = (*place).Append(dst)
		dst = append(dst, '"')
	}
	if skipped > 0 {
		dst = append(dst, `,"skipped":`...)
		dst = strconv.AppendInt(dst, int64(skipped), 10)
	}
	return append(dst, '}')
}
