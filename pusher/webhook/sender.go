package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook/journal"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
	"github.com/gannet-io/gannet/pusher/wire"
)

// Config says how a Sender behaves. Zero fields have usable defaults, but for those where zero says what it means.
type Config struct {
	Apps    []*app.App      // whose webhooks there are; each with a good App.Check
	Journal journal.Journal // taken, and closed by Close; nil: dead letters in memory, without bound
	Targets Targets

	LeaveDelay  time.Duration // that a channel or member must be gone before it is told; 0: at once
	ReturnDelay time.Duration // that those in the journal's ledger have to come back after a restart; 0: 30 s
	// Told is called with the tickets of what Tell was called with and is over. nil: nobody asks.
	Told        func(tickets []uint64)
	Shared      bool // other nodes speak of what this one leaves behind: nobody is gone because it was away, and what it knows it tells before it ends
	QueueEvents int  // that may wait for one webhook; 0: 10,000
	QueueBytes  int  // that may wait for all together; 0: 64 MiB

	Agent   string       // User-Agent of requests; "": Gannet
	Log     *slog.Logger // nil: nothing is logged
	Metrics *metrics.Set // nil: none are exported
}

// Defaults of Config.
const (
	DefaultReturnDelay = 30 * time.Second
	DefaultQueueEvents = 10_000
	DefaultQueueBytes  = 64 << 20
)

// missDelay is how long one cache_miss of a channel is enough: Pusher's is not published.
const missDelay = 10 * time.Second

// A Sender sends webhooks. It implements node.Notifier. Make it with New, and end it with Close.
type Sender struct {
	// Set once by New.
	cfg       Config
	log       *slog.Logger
	metrics   *senderMetrics
	instance  string // begins the name of each delivery
	receivers map[hookName]*receiver
	owed      []Owed   // what is in the journal of a cluster's board
	parked    []uint64 // Seqs of the batches that held it; owned by the dispatcher after Start

	in   intake
	post mailbox

	// Owned by the dispatcher.
	box        *outbox.Outbox
	sending    int
	committing bool
	commitAt   time.Time      // not before, for the next one
	waiters    []chan<- error // for the changes that are not under way yet
	closing    bool
	troubles   map[hookName]*trouble

	// Set once by Start.
	ctx      context.Context // of requests
	cancel   context.CancelFunc
	ended    chan struct{}
	requests sync.WaitGroup
	started  bool

	replaying sync.Mutex // one at a time, or a dead letter could be revived twice
	snapshot  snapshot
}

// A hookName names a webhook of an app.
type hookName struct{ app, hook string }

// A mailbox holds what others want the dispatcher to do.
type mailbox struct {
	mu    sync.Mutex
	calls []func(now time.Time) // guarded by mu
}

// New returns a Sender that has read its journal and sends nothing yet. It fails when the journal cannot be read, or a file
// that a webhook needs.
func New(cfg Config) (*Sender, error) {
	if cfg.Journal == nil {
		cfg.Journal = journal.NewMemory(journal.Bounds{})
	}
	if cfg.ReturnDelay == 0 {
		cfg.ReturnDelay = DefaultReturnDelay
	}
	if cfg.QueueEvents == 0 {
		cfg.QueueEvents = DefaultQueueEvents
	}
	if cfg.QueueBytes == 0 {
		cfg.QueueBytes = DefaultQueueBytes
	}
	if cfg.Agent == "" {
		cfg.Agent = "Gannet"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.NewSet()
	}
	s := &Sender{
		cfg: cfg, log: cfg.Log, receivers: make(map[hookName]*receiver), troubles: make(map[hookName]*trouble),
		in: intake{wake: make(chan struct{}, 1)}, ended: make(chan struct{}),
	}
	for _, a := range cfg.Apps {
		for i := range a.Webhooks {
			hook := &a.Webhooks[i]
			r, err := newReceiver(a, hook, &s.cfg.Targets, cfg.Agent)
			if err != nil {
				return nil, fmt.Errorf("webhook: %q of app %q: %w", hook.Name, a.ID, err)
			}
			s.receivers[hookName{a.ID, hook.Name}] = r
			s.troubles[hookName{a.ID, hook.Name}] = &trouble{}
		}
	}
	contents, err := cfg.Journal.Load()
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	s.restore(contents)
	s.metrics = newMetrics(cfg.Metrics, s)
	return s, nil
}

// restore makes the outbox as the journal has it.
func (s *Sender) restore(c *journal.Contents) {
	s.instance = c.Instance
	s.box = outbox.New(outbox.Config{
		LeaveDelay: s.cfg.LeaveDelay, MissDelay: missDelay, QueueEvents: s.cfg.QueueEvents, QueueBytes: s.cfg.QueueBytes,
		Journal: s.cfg.Journal.Durable(), Seq: c.Seq, Jitter: rand.Float64,
	}, s.cfg.Apps)
	now := time.Now()
	for _, b := range c.Batches {
		if s.cfg.Shared && s.part(b) {
			continue
		}
		if !s.box.Restore(b, now) {
			s.box.Reject(b, outbox.ReasonRemoved, now)
		}
	}
	for _, p := range c.Present {
		if s.cfg.Shared {
			s.box.ForgetPresent(p)
		} else {
			s.box.RestorePresent(p, s.cfg.ReturnDelay, now)
		}
	}
	if len(c.Batches)+len(c.Present) > 0 {
		s.log.Info("webhooks go on where they were left", "batches", len(c.Batches), "present", len(c.Present))
	}
}

// An Owed is an event of a cluster's board that was to be told before the process started.
type Owed struct {
	App   string
	Event wire.HookEvent
}

// Owed returns those. Unless another node has told them meanwhile, they are to be told by Tell again; when all that is over, Settle is to be called.
func (s *Sender) Owed() []Owed { return s.owed }

// Settle forgets what Owed returned, on disk too. Any goroutine.
func (s *Sender) Settle() {
	s.do(func(time.Time) {
		for _, seq := range s.parked {
			s.box.Forget(seq)
		}
		s.parked = nil
	})
}

// part takes the events of a cluster's board out of a batch, and reports whether nothing is left of it.
func (s *Sender) part(b *outbox.Batch) (empty bool) {
	var all []json.RawMessage
	if json.Unmarshal(append(append([]byte("["), b.Events...), ']'), &all) != nil {
		return false
	}
	var rest []byte
	count := 0
	for _, raw := range all {
		var e struct {
			Name, Channel, ID string
			User              string `json:"user_id"`
			Count             int    `json:"subscription_count"`
		}
		hook, ok := pusher.Hook(0), json.Unmarshal(raw, &e) == nil && e.ID != ""
		if ok {
			hook, ok = pusher.ParseHook(e.Name)
		}
		if ok {
			s.owed = append(s.owed, Owed{b.App, wire.HookEvent{Hook: hook, Channel: e.Channel, UserID: e.User, Count: e.Count, ID: e.ID}})
			continue
		}
		if count++; count > 1 {
			rest = append(rest, ',')
		}
		rest = append(rest, raw...)
	}
	if count == 0 {
		s.parked = append(s.parked, b.Seq)
		return true
	}
	b.Events, b.Count = rest, count
	return false
}

// Start begins to send. It is called once.
func (s *Sender) Start() {
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.started = true
	go s.dispatch()
}

// Notify implements node.Notifier. Any goroutine; it waits for nothing but a lock that is held for some tens of nanoseconds.
func (s *Sender) Notify(a *app.App, e wire.HookEvent) {
	if !s.in.put(a.ID, &e, pusher.Ticket{}) {
		s.metrics.dropped("intake", 1)
	}
}

// Tell implements node.Notifier. Any goroutine, as Notify.
func (s *Sender) Tell(a *app.App, e wire.HookEvent, t pusher.Ticket) { s.in.put(a.ID, &e, t) }

// Hush implements node.Notifier. Any goroutine, as Notify.
func (s *Sender) Hush() { s.in.put("", &wire.HookEvent{}, pusher.Ticket{}) }

// Close ends the Sender: nothing more is taken in, and what waits is sent until ctx is done. Without a journal on disk, and where nodes share
// the work, absences are told at once, and what cannot be sent by then is lost, counted and logged; with one it is sent after the next
// start. It may be called twice. May block.
func (s *Sender) Close(ctx context.Context) error {
	s.in.close()
	if !s.started {
		return s.cfg.Journal.Close()
	}
	s.do(func(now time.Time) {
		if s.closing {
			return
		}
		s.closing = true
		s.takeNotices(now)
		s.box.End(s.cfg.Shared || !s.cfg.Journal.Durable(), now)
	})
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.cancel()
		s.do(func(time.Time) {}) // to look at the context
		<-s.ended
	}
	s.cancel()
	s.requests.Wait()
	for _, r := range s.receivers {
		r.close()
	}
	return s.cfg.Journal.Close()
}

// do has the dispatcher call f. Any goroutine.
func (s *Sender) do(f func(now time.Time)) {
	s.post.mu.Lock()
	s.post.calls = append(s.post.calls, f)
	s.post.mu.Unlock()
	select {
	case s.in.wake <- struct{}{}:
	default:
	}
}

// ask is do and waits until it is done. After an error it may still be done later. May block.
func (s *Sender) ask(ctx context.Context, f func(now time.Time)) error {
	done := make(chan struct{})
	s.do(func(now time.Time) {
		defer close(done)
		f(now)
	})
	select {
	case <-done:
		return nil
	case <-s.ended:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dispatch is the goroutine that owns the outbox.
func (s *Sender) dispatch() {
	defer close(s.ended)
	commits := make(chan commit)
	defer close(commits)
	go s.commitAll(commits)
	sweep := time.NewTicker(time.Hour) // dead letters age without anything happening
	defer sweep.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.in.wake:
		case <-timer.C:
		case <-sweep.C:
			s.commitAt = time.Time{}
			s.commit(commits, time.Now(), true)
		}
		now := time.Now()
		s.takeNotices(now)
		s.takeCalls(now)
		s.box.Tick(now)
		for b := s.box.Start(now); b != nil && s.ctx.Err() == nil; b = s.box.Start(now) {
			s.start(b)
		}
		s.commit(commits, now, false)
		if told := s.box.Told(); len(told) > 0 && s.cfg.Told != nil {
			s.cfg.Told(told)
		}
		if s.closing && s.isOver() {
			s.mourn()
			return
		}
		at, ok := s.box.Next()
		if s.wantsCommit() && !s.committing && (!ok || s.commitAt.Before(at)) {
			at, ok = s.commitAt, true
		}
		if ok {
			timer.Reset(time.Until(at))
		} else {
			timer.Stop()
		}
	}
}

func (s *Sender) takeNotices(now time.Time) {
	for _, block := range s.in.take() {
		for i := range block {
			n := &block[i]
			if n.hook == 0 {
				s.box.Hush(now)
				continue
			}
			e := n.event()
			s.box.Tell(n.app, &e, n.ticket.Number, n.ticket.Sure, now)
		}
	}
	s.metrics.add(s.box.Stats())
}

func (s *Sender) takeCalls(now time.Time) {
	s.post.mu.Lock()
	calls := s.post.calls
	s.post.calls = nil
	s.post.mu.Unlock()
	for _, f := range calls {
		f(now)
	}
}

// start makes a request in a goroutine of its own.
func (s *Sender) start(b *outbox.Batch) {
	r := s.receivers[hookName{b.App, b.Webhook}]
	d := &delivery{id: s.id(b.Seq), attempt: b.Attempts, created: b.Created, events: b.Events}
	if b.Attempts > 1 {
		s.metrics.retries.Inc()
	}
	s.sending++
	s.requests.Go(func() {
		a := r.send(s.ctx, d, time.Now())
		s.do(func(now time.Time) { s.finish(b, &a, now) })
	})
}

// id names a batch for receivers and people.
func (s *Sender) id(seq uint64) string { return s.instance + "-" + strconv.FormatUint(seq, 10) }

func (s *Sender) finish(b *outbox.Batch, a *Answer, now time.Time) {
	s.sending--
	r := a.result()
	name := hookName{b.App, b.Webhook}
	s.metrics.answered(name, b, a, r, now)
	if s.ctx.Err() == nil {
		s.judge(name, b, a, r, now)
	}
	s.box.Finish(b, r, now)
}

// A trouble is what has been said about a receiver that fails.
type trouble struct {
	failing bool
	told    time.Time // when a dead letter was last logged
}

// judge logs when a receiver begins to fail, and when it is well again.
func (s *Sender) judge(name hookName, b *outbox.Batch, a *Answer, r outbox.Result, now time.Time) {
	t := s.troubles[name]
	switch {
	case r.OK && t.failing:
		t.failing = false
		s.log.Info("a webhook is answered again", "app", name.app, "webhook", name.hook)
	case !r.OK && !t.failing:
		t.failing = true
		what := []any{"app", name.app, "webhook", name.hook, "reason", r.Reason}
		if a.Err != nil {
			what = append(what, "error", a.Err)
		} else {
			what = append(what, "status", a.Status)
		}
		s.log.Warn("a webhook fails", append(what, "delivery", s.id(b.Seq))...)
	}
}

// A commit is changes on their way to the journal, and who waits for them.
type commit struct {
	changes outbox.Changes
	waiters []chan<- error
}

// commitPause is the least time between the beginnings of two transactions. Each writes some pages whatever is in it, and a
// disk that syncs quickly would be kept busy by one event after the other; batches wait for longer than that anyway.
const commitPause = 5 * time.Millisecond

func (s *Sender) wantsCommit() bool { return s.box.Changed() || len(s.waiters) > 0 }

// commit hands over what has changed, unless something is under way or was just now: then more can go along later.
func (s *Sender) commit(commits chan<- commit, now time.Time, anyway bool) {
	if s.committing || !anyway && (!s.wantsCommit() || now.Before(s.commitAt)) {
		return
	}
	s.committing = true
	s.commitAt = now.Add(commitPause)
	c := commit{s.box.Changes(), s.waiters}
	s.waiters = nil
	s.bury(c.changes.Bury)
	commits <- c // somebody stands there: nothing is under way
}

// bury counts and logs dead letters.
func (s *Sender) bury(dead []*outbox.Dead) {
	for _, d := range dead {
		s.metrics.buried(d)
		t := s.troubles[hookName{d.App, d.Webhook}]
		if t == nil || d.At.Sub(t.told) < time.Minute {
			continue
		}
		t.told = d.At
		s.log.Warn("a batch of a webhook is dead; for a minute the next ones go without saying",
			"app", d.App, "webhook", d.Webhook, "reason", d.Reason, "tries", d.Attempts, "events", d.Count, "delivery", s.id(d.Seq))
	}
}

// commitAll stores what it is given.
func (s *Sender) commitAll(commits <-chan commit) {
	failing := false
	for c := range commits {
		began := time.Now()
		dropped, err := s.cfg.Journal.Commit(&c.changes, began)
		s.metrics.committed(time.Since(began), dropped, err)
		switch {
		case err != nil && !failing:
			s.log.Error("what webhooks have to say cannot be stored; it is sent all the same, and lost if the process ends", "error", err)
		case err == nil && failing:
			s.log.Info("what webhooks have to say can be stored again")
		}
		failing = err != nil
		for _, w := range c.waiters {
			w <- err
		}
		s.do(func(now time.Time) {
			s.committing = false
			s.box.Stored(c.changes, now)
		})
	}
}

// isOver reports whether there is nothing left to do, or no more time.
func (s *Sender) isOver() bool {
	if s.sending > 0 || s.committing || s.wantsCommit() {
		return false
	}
	return s.ctx.Err() != nil || s.box.Empty() || s.cfg.Journal.Durable() && s.box.Idle()
}

// mourn says what is lost.
func (s *Sender) mourn() {
	if s.cfg.Journal.Durable() {
		return
	}
	lost := 0
	s.box.Queues(func(q outbox.QueueState) { lost += q.Events })
	if lost > 0 {
		s.metrics.dropped("shutdown", lost)
		s.log.Warn("webhooks had more to say; with data_dir it would be kept", "events", lost)
	}
}
