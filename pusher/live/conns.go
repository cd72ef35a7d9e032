package live

import (
	"context"
	"errors"
	"time"
)

// Conns answers questions about connections. Its methods may be called by any goroutine but a loop's, and block until the
// loops have answered or ctx is done.
type Conns interface {
	// List returns connections that match.
	List(ctx context.Context, q *Query) (Page, error)
	// Look returns one connection, nil when there is none by that id.
	Look(ctx context.Context, socketID string) (*Detail, error)
	// End ends a connection with a code and its usual words, and reports whether there was one. The code is 4009, 4100 or 4200.
	End(ctx context.Context, socketID string, code int) (bool, error)
}

// ErrCursor says that a Query's Cursor is none that a Page had.
var ErrCursor = errors.New("live: that is no place to go on from")

// A Query says which connections are wanted; what is empty does not matter.
type Query struct {
	App     string
	Address string // its beginning
	User    string // signed in so, or a member of a presence channel
	Channel string
	Any     string // the beginning of a socket id or address, a part of a user's id, or a channel

	Slowest bool // those for whom something has waited the longest, then others
	Cursor  string
	Limit   int
	Most    int // how many are looked at
}

// A Page is some of those that match.
type Page struct {
	Conns    []Conn
	Next     string // Cursor of the next; "": there is none
	Examined int
	Complete bool // all were looked at that could have been on this page or behind it
}

// A Conn is a WebSocket.
type Conn struct {
	SocketID      string
	App           string
	Address       string
	User          string // signed in, else a member of a presence channel
	Subscriptions int

	BacklogBytes, BacklogFrames int
	BacklogAge                  time.Duration // of the oldest frame in it

	Connected time.Time
	Loop      int
	Secure    bool
}

// A Detail is all there is to know of one.
type Detail struct {
	Conn

	Channels      []Membership // the first MaxChannels by name
	ChannelsTotal int
	Silent        time.Duration // since its last byte
	Compressed    bool

	Kernel    bool // the kernel has said what follows
	Unacked   int  // bytes
	RTT       time.Duration
	LastError *Refusal // nil: none that is remembered
}

// MaxChannels is how many channels of a connection are listed.
const MaxChannels = 200

// A Membership is a place in a channel.
type Membership struct {
	Channel, User string
}

// A Refusal is a pusher:error that a client got.
type Refusal struct {
	At              time.Time
	Code            int
	Reason, Message string
}
