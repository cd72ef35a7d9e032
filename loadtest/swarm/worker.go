//go:build linux

package swarm

import (
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/tally"
)

// bufferBytes is what one read takes at most. It is large so that a conn for which the server has
// merged hundreds of frames is emptied at once.
const bufferBytes = 256 << 10

// nap bounds how long a worker sleeps, and so how late it hears Start and Stop.
const nap = 20 * time.Millisecond

// A worker is one thread and its share of the conns. Everything in it but the first group belongs
// to that thread.
type worker struct {
	// Set once by newWorker.
	plan    *plan.Plan
	index   int // within the crew
	notes   chan<- Note
	started *atomic.Pointer[Start]
	stopped *atomic.Bool
	targets []netip.AddrPort
	dialect dialect
	merges  bool  // dialect.merges
	streams int32 // tracks per subscription

	clock clock
	poll  *poller
	born  int64
	conns []conn   // subscribers, then publishers, deaf ones, and churners
	free  []int32  // places for churners
	buf   []byte   // every read of every conn goes here
	stash [][]byte // emptied conn.in, for the next that needs one
	text  []byte   // scratch for what is sent
	hint  int      // where the last stamp was within its message
	tasks agenda

	tracks []track
	local  []int32 // subscribed steady clients of this worker, by channel

	firstClient, clients int // the share of the plan
	firstDeaf, deaf      int // where those begin in conns, and how many there are
	nextClient, opening  int // how far opening both has come, how many are under way
	publishers           []publisher
	firstPublisher       int
	unready              int   // publishers whose conn is not open yet
	willing              []int // publishers whose window has opened
	churned              uint64
	activity             int32 // seconds of silence that the server allows

	shakes shakes

	ready           bool   // the Ready note is out
	begin           *Start // nil until then
	from, until     int64  // the measured window
	sampling        uint32 // mark of the task for the next sample
	sampled         int    // index of the current interval, -1 before the start
	population      []int32
	metering        reading
	usage           Done
	counts          tally.Counts
	latency, joined *tally.Histogram
	lateness        *tally.Histogram
	problems        map[string]int64
}

func newWorker(p *plan.Plan, index int, notes chan<- Note, started *atomic.Pointer[Start], stopped *atomic.Bool) (*worker, error) {
	poll, err := newPoller()
	if err != nil {
		return nil, err
	}
	w := &worker{
		plan: p, index: index, notes: notes, started: started, stopped: stopped,
		dialect: speak(p), merges: speak(p).merges(),
		streams: int32(p.Streams()),
		clock:   newClock(), poll: poll,
		buf: make([]byte, bufferBytes), local: make([]int32, p.Channels),
		activity: 120, sampled: -1,
		latency: tally.NewHistogram(), joined: tally.NewHistogram(), lateness: tally.NewHistogram(),
	}
	w.born = w.clock.now()
	for i := range p.Targets {
		address, err := netip.ParseAddrPort(p.Targets[i].Address)
		if err != nil {
			return nil, err
		}
		w.targets = append(w.targets, address)
	}
	low, high := p.Share(p.Clients, index)
	w.firstClient, w.clients = low, high-low
	w.tracks = make([]track, w.clients*p.PerClient*int(w.streams))
	w.conns = make([]conn, w.clients, w.clients+p.Publishers+p.Deaf+w.churnRoom())
	for i := range w.conns {
		w.conns[i] = conn{fd: -1, who: int32(low + i), role: roleSubscriber, place: p.Place(low + i), tracks: int32(i*p.PerClient) * w.streams}
	}
	w.addPublishers()
	w.addDeaf()
	for range w.churnRoom() {
		w.free = append(w.free, int32(len(w.conns)))
		w.conns = append(w.conns, conn{fd: -1, role: roleChurner})
	}
	return w, nil
}

// run is the worker's thread. It returns after Stop.
func (w *worker) run() {
	// The thread's processor time is metered, and belongs to nobody else.
	runtime.LockOSThread()
	w.tasks.push(task{at: w.born + int64(time.Second), do: dutyTidy})
	w.tasks.push(task{at: w.born + int64(w.plan.Interval), do: dutySample})
	w.openPublishers()
	for !w.stopped.Load() {
		w.heedStart()
		w.openClients(w.clock.now())
		w.finishShakes()
		w.perform(w.clock.now())
		w.resume()
		w.serve(w.poll.wait(w.slack()))
		w.reportReady()
	}
	w.settleUnsent()
	w.settleChurn()
	w.sample()
	if w.usage.Wall == 0 && w.metering.at > 0 {
		w.meter(false) // cut short
	}
	w.notes <- Note{Worker: w.index, Done: &w.usage}
	for slot := range w.conns {
		if w.conns[slot].state != stateFree {
			abort(w.conns[slot].fd)
		}
	}
	w.poll.close()
}

// slack returns how long there is nothing to do but wait for sockets.
func (w *worker) slack() time.Duration {
	wait := nap
	if w.shakes.under > 0 {
		wait = min(wait, time.Millisecond) // nobody wakes us
	}
	now := w.clock.now()
	if len(w.tasks) > 0 {
		wait = min(wait, time.Duration(w.tasks[0].at-now))
	}
	if at, more := w.nextOpening(); more {
		wait = min(wait, time.Duration(at-now))
	}
	return wait
}

// serve handles the events of one wait. Publishes that fall due meanwhile are not made to wait for
// the rest of them.
func (w *worker) serve(events []unix.EpollEvent) {
	for i := range events {
		e := &events[i]
		slot := e.Fd
		c := &w.conns[slot]
		if c.mark != uint32(e.Pad) || c.state == stateFree {
			continue // about a conn that an earlier event of this batch has ended
		}
		var now int64
		switch {
		case c.state == stateShaking:
			continue // the goroutine will hear of it
		case c.state == stateConnecting:
			w.connected(slot)
		default:
			if e.Events&unix.EPOLLOUT != 0 && !w.writable(slot) {
				continue
			}
			now = w.read(slot)
		}
		w.resume()
		if len(w.tasks) > 0 && w.tasks[0].at <= now {
			w.perform(now)
		}
	}
}

// resume lets publishers go on that waited for something. It is never called while a read is being
// worked on, because publishing borrows the buffer.
func (w *worker) resume() {
	for len(w.willing) > 0 {
		last := len(w.willing) - 1
		i := w.willing[last]
		w.willing = w.willing[:last]
		w.publish(i)
	}
}

// writable continues what was waiting for room, and reports whether the conn is still there.
func (w *worker) writable(slot int32) bool {
	mark := w.conns[slot].mark
	if w.flush(slot) {
		if p := w.publisherOf(slot); p >= 0 {
			w.publish(p)
		}
	}
	return w.conns[slot].mark == mark
}

// perform does what is due.
func (w *worker) perform(now int64) {
	for len(w.tasks) > 0 && w.tasks[0].at <= now {
		switch t := w.tasks.pop(); t.do {
		case dutyPublish:
			w.punctual(int(t.slot))
		case dutyReopen:
			w.openPublisher(int(t.slot))
		case dutyArrive:
			w.arrive(t.at)
		case dutyLeave:
			w.leave(t.slot, t.mark, now)
		case dutySample:
			if t.mark == w.sampling {
				w.sampleDue(t.at, now)
			}
		case dutyTidy:
			w.tidy(now)
			w.tasks.push(task{at: now + int64(time.Second), do: dutyTidy})
		case dutyMeter:
			w.meter(t.slot == 0)
		case dutySip:
			w.sip(t.slot, t.mark, now)
		}
	}
}

// heedStart begins the run when told to.
func (w *worker) heedStart() {
	if w.begin != nil {
		return
	}
	start := w.started.Load()
	if start == nil {
		return
	}
	w.begin = start
	w.population = start.Population
	w.from = start.At + int64(w.plan.Warmup)
	w.until = w.from + int64(w.plan.Duration)
	w.sampling++ // the time line begins with the run
	w.tasks.push(task{at: start.At, do: dutySample, mark: w.sampling})
	w.tasks.push(task{at: w.from, do: dutyMeter, slot: 0})
	w.tasks.push(task{at: w.until, do: dutyMeter, slot: 1})
	w.beginPublishing()
	w.beginChurn()
}

// reportReady tells once that all conns are open, or have failed to.
func (w *worker) reportReady() {
	if w.ready || w.nextClient < w.clients+w.deaf || w.opening > 0 || w.unready > 0 {
		return
	}
	w.ready = true
	population := make([]int32, len(w.local))
	copy(population, w.local)
	w.sample()
	w.notes <- Note{Worker: w.index, Ready: &Ready{Population: population}}
}

func (w *worker) problem(text string) { w.problems = tally.Note(w.problems, text, 1) }

// seconds returns a time as conn.heard counts it.
func (w *worker) seconds(now int64) int32 { return int32((now - w.born) / int64(time.Second)) }

func (w *worker) spare(b []byte) {
	if cap(b) <= 64<<10 && len(w.stash) < 64 {
		w.stash = append(w.stash, b[:0])
	}
}
