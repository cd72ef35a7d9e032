package wire

import (
	"strconv"

	"github.com/gannet-io/gannet/pusher"
)

// A HookEvent is one event that webhooks tell of. Members that its kind does not have are ignored.
type HookEvent struct {
	Hook    pusher.Hook // one kind
	Channel string
	UserID  string // member_added, member_removed; client_event of a presence channel, else ""
	Count   int    // subscription_count
	ID      string // of an event of a cluster's board; "": it has none

	// Of a client_event.
	Event    string
	Data     []byte // any JSON value as the client sent it; nil: none
	SocketID pusher.SocketID
}

// AppendHookEvent appends e as it stands in a webhook's list of events.
//
// Every value is a JSON string but the count: the Go library fails on a user_id that is a number and on data that is an
// object. The data of a client event is the sender's string, or the text of its JSON.
func AppendHookEvent(dst []byte, e *HookEvent) []byte {
	dst = append(dst, `{"name":"`...)
	dst = append(dst, e.Hook.String()...)
	dst = append(dst, `","channel":`...)
	dst = AppendQuoted(dst, e.Channel)
	switch e.Hook {
	case pusher.HookMemberAdded, pusher.HookMemberRemoved:
		dst = append(dst, `,"user_id":`...)
		dst = AppendQuoted(dst, e.UserID)
	case pusher.HookClientEvent:
		dst = append(dst, `,"event":`...)
		dst = AppendQuoted(dst, e.Event)
		if e.Data != nil {
			dst = append(dst, `,"data":`...)
			dst = AppendDataToken(dst, e.Data)
		}
		dst = append(dst, `,"socket_id":"`...)
		dst = append(dst, e.SocketID.String()...)
		dst = append(dst, '"')
		if e.UserID != "" {
			dst = append(dst, `,"user_id":`...)
			dst = AppendQuoted(dst, e.UserID)
		}
	case pusher.HookCount:
		dst = append(dst, `,"subscription_count":`...)
		dst = strconv.AppendInt(dst, int64(e.Count), 10)
	}
	if e.ID != "" {
		// A string, as all but the count: the .NET library reads events as maps of strings.
		dst = append(dst, `,"id":`...)
		dst = AppendQuoted(dst, e.ID)
	}
	return append(dst, '}')
}

// AppendWebhook appends the body of a webhook: when it was made, in milliseconds of Unix time, and its events, which
// AppendHookEvent has written with a comma between two.
func AppendWebhook(dst []byte, unixMilli int64, events []byte) []byte {
	dst = append(dst, `{"time_ms":`...)
	dst = strconv.AppendInt(dst, unixMilli, 10)
	dst = append(dst, `,"events":[`...)
	dst = append(dst, events...)
	return append(dst, "]}"...)
}
