package backbone

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Why something could not be handed over.
var (
	ErrUnavailable = errors.New("backbone: not available")             // surely not done
	ErrUnknown     = errors.New("backbone: it is not known whether")   // done, or not
	ErrFull        = errors.New("backbone: too much waits to be sent") // surely not done
	ErrTooLarge    = errors.New("backbone: larger than a message may be")
)

// A Bus connects this node with the others. Its methods may be called by any goroutine, under any lock of its caller, and
// return at once: but for Start and Close they never wait for the network, nor call the Sink.
//
// A function wait that a method returns waits for the outcome, nil or one of the errors of this package, and is to be called at most
// once. It may be nil: done. Who does not care need not call it. It ends by itself, after at most PatienceMax.
type Bus interface {
	// Start connects, and from then on tells s. It returns when the node is on the board and Rejoin has been called for the first
	// time, or with what prevents that. May block, until ctx ends.
	Start(ctx context.Context, s Sink) error
	// Close leaves the board, which the others are told at once, and disconnects. The Sink is not called any more when it
	// returns. May block, until ctx ends.
	Close(ctx context.Context) error

	// Attach asks for the messages of a topic, and with keep for those of its log; Sink.Attached follows when nothing published
	// from then on can be missed. A topic is attached once, until Detach.
	Attach(topic string, keep *Retention)
	// Detach undoes Attach. Messages that are on their way may still come.
	Detach(topic string)

	// Publish hands msg to the other nodes that are attached to topic. The outcome is nil when the backbone has it. msg is taken.
	Publish(topic string, msg []byte) (wait func() error)
	// Append adds msg to the topic's log. The outcome is nil when the backbone keeps it as it promises to: then every attached node gets it, and
	// every later Tail has it as long as keep says. It tries for as long as PatienceMax before it gives up. Messages of one topic
	// from one node keep their order. msg is taken.
	Append(topic string, keep *Retention, msg []byte) (wait func() error)

	// Full reports whether so much waits to be sent that Publish would be refused with ErrFull now, for who does not wait for
	// outcomes. It costs next to nothing.
	Full() bool

	// Put writes entries of this node to the board, in their order and behind those of earlier calls. The slice and its bytes are taken.
	// After Rejoin nothing put before it counts any more.
	Put(entries []Entry) (wait func() error)
	// Settled says that everything this node has is on the board again, after a Rejoin: the incarnation before it is given up.
	Settled()

	// Status says how the bus is.
	Status() Status
}

// PatienceMax is how long an outcome can take: longer than the election of a new leader.
const PatienceMax = 10 * time.Second

// A Retention says how much of a topic's log is kept. A zero field sets no bound, but Events has to be set.
type Retention struct {
	Events int
	Age    time.Duration
}

// A Stored is one message of a topic's log.
type Stored struct {
	Offset  uint64
	At      int64 // Unix nanoseconds at which the backbone took it, or its sender did; does not go back within an epoch by more than clocks differ
	Message []byte
}

// A Tail is the end of a topic's log.
type Tail struct {
	Epoch  string   // of the log: a history.Position's
	Head   uint64   // offset of the newest message there ever was; 0: none
	Stored []Stored // what is kept, up to Head, without holes; at most as many as the Retention says
}

// An Entry is what a node says about itself under a key.
type Entry struct {
	Key   string // up to 1 KiB, any bytes
	Value []byte // up to 64 KiB; nil: the entry is taken away, which is not the same as empty
}

// A Place is one on the board. What every node is told as it happens, every node is told at the same Place; who was away for longer than the
// backbone remembers is told what became of it at the Place where that is so. Several things can be at one Place, in an order that is the same for all.
type Place struct {
	Epoch  string // of the board, until it loses its memory: made by BoardEpoch
	Number uint64
}

// BoardEpoch returns an epoch for a board that begins now. They sort as strings by the time at which they began.
func BoardEpoch(now time.Time) string {
	text := strconv.FormatInt(now.UnixMilli(), 36)
	var noise [4]byte
	_, _ = rand.Read(noise[:]) // never fails
	return strings.Repeat("0", max(9-len(text), 0)) + text + hex.EncodeToString(noise[:])
}

// A Node is one incarnation of one node.
type Node struct {
	ID    string    // of the incarnation: no other ever has it
	Name  string    // as configured
	Since time.Time // when it took the lease
}

// A Sink is told what happens. What is said of one topic comes from one goroutine at a time, and so is what is said of
// the board; the two and State may come at once. Its methods must not wait for an outcome of the bus. Bytes are shared: they do not change.
type Sink interface {
	// Message is one that another node published.
	Message(topic string, msg []byte)
	// Attached says that the topic is attached. t has the end of its log when that was asked for, else it is zero. It comes again whenever
	// messages may have been missed that could not be fetched: t then takes the place of what was told before.
	Attached(topic string, t Tail)
	// Stored is the next message of the topic's log, one offset behind the one before.
	Stored(topic string, e Stored)

	// At says where on the board is what is told next, by Up, Changed and Gone, until At is called again.
	At(p Place)
	// Up says that an incarnation is on the board. It comes before its entries.
	Up(n Node)
	// Changed says that node has put e.
	Changed(node string, e Entry)
	// Gone says that an incarnation is not on the board any more, and has no entries. It comes once for each Up.
	Gone(node string)
	// Rejoin says that this node is on the board, without any entries, as self, whose Up comes before or after. Everything it has must be put, and then
	// Settled called. It comes at the start, behind all that was on the board then, and when this node's incarnation had been
	// given up by the others, or the board lost its memory.
	Rejoin(self Node)

	// State says whether the backbone can be reached. reason is for people, "" when it can.
	State(up bool, reason string)
}

// A Status is how a bus is. Counts are of this process.
type Status struct {
	Driver     string
	Up         bool
	Reason     string // why it is not
	Self       Node
	Nodes      []Node // on the board, this one too, by ID
	Details    []Detail
	In, Out    uint64 // messages and stored messages
	BytesIn    uint64
	BytesOut   uint64
	Entries    uint64 // changes of the board that were told
	Reconnects uint64
	Rejoins    uint64 // but the first
	Refetched  uint64 // stored messages that had to be fetched because they did not come
	Waiting    int    // messages, stored messages and entries that were not handed over yet
}

// A Detail is what a driver has to say beyond that.
type Detail struct{ Name, Value string }
