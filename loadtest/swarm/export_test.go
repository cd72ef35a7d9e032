package swarm

import "github.com/gannet-io/gannet/loadtest/plan"

const (
	OpText  = opText
	OpClose = opClose
)

var (
	NextFrame     = nextFrame
	AppendFrame   = appendFrame
	NextOpening   = nextOpening
	AppendOpening = appendOpening

	SocketID        = socketIDOf
	ActivityTimeout = activityTimeout
	ErrorText       = errorText

	ErrMasked, ErrFragmented, ErrCompressed, ErrTooLong = errMasked, errFragmented, errCompressed, errTooLong
)

// A Dialect is a dialect.
type Dialect struct{ d dialect }

func Speak(p *plan.Plan) Dialect { return Dialect{speak(p)} }

func (d Dialect) Endpoint() string                { return d.d.endpoint() }
func (d Dialect) Event(message string) event      { return d.d.event([]byte(message)) }
func (d Dialect) ErrorText(message string) string { return d.d.errorText([]byte(message)) }

// Say returns the payloads of what a client sends: to begin, to subscribe, to publish, in answer to
// a ping.
func (d Dialect) Say(channel string, s plan.Stamp) (all []string) {
	for _, masked := range [][]byte{
		d.d.appendHello(nil), d.d.appendSubscription(nil, &conn{}, channel, nil), d.d.appendPublication(nil, nil, channel, s, plan.StampBytes), d.d.appendPong(nil),
	} {
		b := append([]byte(nil), masked[6:]...) // short: a head of 2 and a key of 4
		for i := range b {
			b[i] ^= masked[2+i&3]
		}
		all = append(all, string(b))
	}
	return all
}

// NextResponse returns a response's parts.
func NextResponse(b []byte) (status int, body []byte, closes bool, n int, err error) {
	r, n, err := nextResponse(b)
	return r.status, r.body, r.close, n, err
}

// The events, by name.
const (
	EventOther, EventEstablished, EventSubscribed, EventPing, EventError = eventOther, eventEstablished, eventSubscribed, eventPing, eventError
)

var EventOf = eventOf

// A Track is a track.
type Track = track

const (
	InTurn, Ahead, Late, Duplicate = inTurn, ahead, late, duplicate
)

func (t *track) Arrive(seq uint32) (arrival, uint32) { return t.arrive(seq) }

// An Agenda is an agenda of times alone.
type Agenda struct{ a agenda }

func (a *Agenda) Push(at int64) { a.a.push(task{at: at}) }
func (a *Agenda) Pop() int64    { return a.a.pop().at }
func (a *Agenda) Len() int      { return len(a.a) }
