package swarm

import (
	"sync/atomic"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/tally"
)

// A Receiver is a worker that was never run, with subscriber 0 of its plan live.
type Receiver struct{ w *worker }

func NewReceiver(p *plan.Plan) (*Receiver, error) {
	w, err := newWorker(p, 0, make(chan Note, 16), new(atomic.Pointer[Start]), new(atomic.Bool))
	if err != nil {
		return nil, err
	}
	w.conns[0].state = stateLive
	w.until = 1 << 62
	return &Receiver{w}, nil
}

// Consume is what follows a read of b at a time; it returns what is left over.
func (r *Receiver) Consume(b []byte, now int64) int {
	rest, _ := r.w.consume(0, b, now)
	return len(rest)
}

// Oversleep returns what a worker of p counts that had no processor until its window was over.
func Oversleep(p *plan.Plan) (tally.Counts, error) {
	started := new(atomic.Pointer[Start])
	w, err := newWorker(p, 0, make(chan Note, 16), started, new(atomic.Bool))
	if err != nil {
		return tally.Counts{}, err
	}
	defer w.poll.close()
	started.Store(&Start{At: w.clock.now() - int64(p.Warmup+p.Duration)})
	w.heedStart()
	w.settleUnsent()
	w.settleChurn()
	return w.counts, nil
}

func (r *Receiver) Counts() tally.Counts  { return r.w.counts }
func (r *Receiver) Latency() tally.Sparse { return r.w.latency.Take() }
func (r *Receiver) Close()                { r.w.poll.close() }

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
