package webhook

import (
	"sync"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/wire"
)

// An intake is the list that Notify appends to and the dispatcher empties. Whoever appends holds its lock for some tens of
// nanoseconds, never longer: the list grows by whole blocks, and nothing is copied.
//
// Transitions of channels and members are always taken: one that was lost would make all later ones of its channel
// wrong. There are no more of them than clients manage to cause while the dispatcher has no processor. The rest is taken
// up to a bound.
type intake struct {
	mu     sync.Mutex
	blocks [][]notice // guarded by mu
	events int        // of the kinds that are bound, in blocks; guarded by mu
	closed bool       // guarded by mu
	wake   chan struct{}
}

const (
	blockNotices = 256
	// maxIntake bounds what is neither an arrival nor a departure: at a kilobyte each they are 16 MiB.
	maxIntake = 16 << 10
)

// A notice is one event that the dispatcher has not seen.
type notice struct {
	app     string
	channel string
	user    string
	client  *clientEvent // of a client event
	id      string
	count   int
	ticket  pusher.Ticket
	hook    pusher.Hook // 0: Hush
}

type clientEvent struct {
	name   string
	data   []byte // nil: none
	socket pusher.SocketID
}

const pairHooks = pusher.HookOccupied | pusher.HookVacated | pusher.HookMemberAdded | pusher.HookMemberRemoved

// put takes e, which is borrowed, or returns false when it has no room for it.
func (in *intake) put(appID string, e *wire.HookEvent, ticket pusher.Ticket) bool {
	n := notice{app: appID, channel: e.Channel, user: e.UserID, id: e.ID, count: e.Count, ticket: ticket, hook: e.Hook}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return true // nobody listens any more
	}
	if e.Hook&pairHooks == 0 && e.ID == "" && e.Hook != 0 { // there is a bound for those of the board
		if in.events >= maxIntake {
			return false
		}
		in.events++
	}
	if e.Hook == pusher.HookClientEvent {
		n.client = &clientEvent{name: string(append([]byte(nil), e.Event...)), socket: e.SocketID}
		if e.Data != nil {
			n.client.data = append([]byte{}, e.Data...)
		}
	}
	last := len(in.blocks) - 1
	if last < 0 || len(in.blocks[last]) == blockNotices {
		in.blocks = append(in.blocks, make([]notice, 0, blockNotices))
		last++
	}
	in.blocks[last] = append(in.blocks[last], n)
	if last == 0 && len(in.blocks[0]) == 1 {
		select {
		case in.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// take empties the list.
func (in *intake) take() [][]notice {
	in.mu.Lock()
	defer in.mu.Unlock()
	blocks := in.blocks
	in.blocks, in.events = nil, 0
	return blocks
}

// close has put take nothing more.
func (in *intake) close() {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
}

// event returns n as the outbox takes it.
func (n *notice) event() wire.HookEvent {
	e := wire.HookEvent{Hook: n.hook, Channel: n.channel, UserID: n.user, Count: n.count, ID: n.id}
	if n.client != nil {
		e.Event, e.Data, e.SocketID = n.client.name, n.client.data, n.client.socket
	}
	return e
}
