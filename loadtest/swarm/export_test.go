package swarm

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
