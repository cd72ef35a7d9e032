package session

import (
	"strconv"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/wire"
)

// An Op says what an Action asks for. The package doc tells how each is carried out.
type Op uint8

// The zero Op is none of them.
const (
	Send        Op = iota + 1 // Payload; Err when it is a pusher:error
	Close                     // Err
	Subscribe                 // Channel, Kind; Member on a presence channel; Recall when the client asks about the past
	Unsubscribe               // Channel, Kind; UserID on a presence channel
	Withdraw                  // Channel, Kind: of a Subscribe that was postponed
	Acknowledge               // Channel, Kind; UserID on a presence channel; Recall as for Subscribe
	ClientEvent               // Channel, Kind, Event, Data; UserID on a presence channel
	SignIn                    // User
	Authorized                // nothing more
)

var opNames = [...]string{
	Send: "send", Close: "close", Subscribe: "subscribe", Unsubscribe: "unsubscribe", Withdraw: "withdraw", Acknowledge: "acknowledge",
	ClientEvent: "client_event", SignIn: "sign_in", Authorized: "authorized",
}

// String returns the name in snake_case.
func (o Op) String() string {
	if int(o) < len(opNames) && opNames[o] != "" {
		return opNames[o]
	}
	return "op_" + strconv.Itoa(int(o))
}

// An Action is one thing to be done for a session. Which fields are set is said at the constants of Op.
type Action struct {
	Op   Op
	Kind pusher.Kind

	Payload []byte        // one JSON message, taken by the receiver
	Err     *pusher.Error // shared; its Reason is the metric label of the refusal

	Channel string          // shared
	Member  *channel.Member // shared
	UserID  string          // shared
	Recall  *wire.Recall    // shared; nil: nothing is asked

	Event string // borrowed from the message
	Data  []byte // raw JSON value, borrowed from the message; nil when the client sent none

	User *wire.User // shared; its watchlist is within the app's limit, and nil when the app has watchlists off
}
