package wire

import (
	"iter"
	"strconv"
)

// AppendPresenceSucceeded appends the answer to a subscription to a presence channel: count users, their ids, and
// their infos by id, null for a user without (nil). members is ranged over twice and must give the same count users
// both times, the one who joins among them.
func AppendPresenceSucceeded(dst []byte, channel string, count int, members iter.Seq2[string, []byte]) []byte {
	dst = append(dst, `{"event":"pusher_internal:subscription_succeeded","channel":`...)
	dst = AppendQuoted(dst, channel)
	dst = append(dst, `,"data":"`...)
	from := len(dst)
	dst = append(dst, `{"presence":{"count":`...)
	dst = strconv.AppendInt(dst, int64(count), 10)
	dst = append(dst, `,"ids":[`...)
	first := true
	for id := range members {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = AppendQuoted(dst, id)
	}
	dst = append(dst, `],"hash":{`...)
	first = true
	for id, info := range members {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = AppendQuoted(dst, id)
		dst = append(dst, ':')
		if info == nil {
			// pusher-js looks members up by own property, so the key must be there.
			dst = append(dst, `null`...)
		} else {
			dst = append(dst, info...)
		}
	}
	dst = append(dst, `}}}`...)
	dst = escapeFrom(dst, from)
	return append(dst, `"}`...)
}

// AppendMemberAdded appends the news that a user came. info is a JSON value; nil leaves user_info out.
func AppendMemberAdded(dst []byte, channel, id string, info []byte) []byte {
	dst = append(dst, `{"event":"pusher_internal:member_added","channel":`...)
	dst = AppendQuoted(dst, channel)
	dst = append(dst, `,"data":"`...)
	from := len(dst)
	dst = append(dst, `{"user_id":`...)
	dst = AppendQuoted(dst, id)
	if info != nil {
		dst = append(dst, `,"user_info":`...)
		dst = append(dst, info...)
	}
	dst = append(dst, '}')
	dst = escapeFrom(dst, from)
	return append(dst, `"}`...)
}

// AppendMemberRemoved appends the news that a user's last connection left.
func AppendMemberRemoved(dst []byte, channel, id string) []byte {
	dst = append(dst, `{"event":"pusher_internal:member_removed","channel":`...)
	dst = AppendQuoted(dst, channel)
	dst = append(dst, `,"data":"`...)
	from := len(dst)
	dst = append(dst, `{"user_id":`...)
	dst = AppendQuoted(dst, id)
	dst = append(dst, '}')
	dst = escapeFrom(dst, from)
	return append(dst, `"}`...)
}
