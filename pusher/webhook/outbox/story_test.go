package outbox_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
	"github.com/gannet-io/gannet/pusher/wire"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories say now into their files; read it before you keep it")

// TestStories plays the files in testdata. Each line is a command; what follows from it is indented below.
//
// A command is a time and a verb; all that is due by that time happens first, at its own time. Before the first time
// stand settings: "hook APP/NAME key=value ..." and "box key=value ...".
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("%s\n--- got\n%s\n--- want\n%s", file, got, text)
			}
		})
	}
}

var start = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// A stage is one story being played.
type stage struct {
	t    *testing.T
	out  strings.Builder
	cfg  outbox.Config
	apps []*app.App
	box  *outbox.Outbox
	now  time.Time

	sending map[uint64]*outbox.Batch
	dead    map[uint64]*outbox.Dead
	disk    []outbox.Changes // given out and not stored yet
}

func play(t *testing.T, text string) string {
	s := &stage{
		t: t, now: start, sending: map[uint64]*outbox.Batch{}, dead: map[uint64]*outbox.Dead{},
		cfg: outbox.Config{LeaveDelay: 3 * time.Second, MissDelay: 10 * time.Second, QueueEvents: 1000, QueueBytes: 1 << 20, Jitter: func() float64 { return 0.5 }},
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			continue // what followed when it was written
		}
		s.out.WriteString(line)
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			s.command(fields)
		}
	}
	return s.out.String()
}

func (s *stage) say(format string, args ...any) {
	fmt.Fprintf(&s.out, "  "+format+"\n", args...)
}

func (s *stage) command(f []string) {
	switch f[0] {
	case "box":
		for _, setting := range f[1:] {
			s.setBox(setting)
		}
		return
	case "hook":
		s.hook(f[1], f[2:])
		return
	}
	if s.box == nil {
		s.box = outbox.New(s.cfg, s.apps)
	}
	at, err := time.ParseDuration(f[0])
	if err != nil {
		s.t.Fatalf("%q: %v", f, err)
	}
	s.until(start.Add(at))
	if len(f) > 1 {
		s.do(f[1], f[2:])
		s.settle()
	}
}

func (s *stage) setBox(setting string) {
	key, value, _ := strings.Cut(setting, "=")
	number, _ := strconv.Atoi(value)
	duration, _ := time.ParseDuration(value)
	switch key {
	case "journal":
		s.cfg.Journal = true
	case "events":
		s.cfg.QueueEvents = number
	case "bytes":
		s.cfg.QueueBytes = number
	case "leave":
		s.cfg.LeaveDelay = duration
	default:
		s.t.Fatalf("box %s", setting)
	}
}

func (s *stage) hook(name string, settings []string) {
	w := app.DefaultWebhook()
	w.URL = "http://example.com/"
	var id string
	id, w.Name, _ = strings.Cut(name, "/")
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		number, _ := strconv.Atoi(value)
		duration, _ := time.ParseDuration(value)
		switch key {
		case "events":
			w.Events = 0
			for name := range strings.SplitSeq(value, ",") {
				kind, ok := pusher.ParseHook(name)
				if !ok {
					s.t.Fatalf("hook %s", setting)
				}
				w.Events |= kind
			}
		case "prefix":
			w.Prefix = value
		case "batch":
			w.BatchEvents = number
		case "delay":
			w.BatchDelay = duration
		case "retry":
			w.RetryFor = duration
		case "workers":
			w.Workers = number
		default:
			s.t.Fatalf("hook %s", setting)
		}
	}
	if err := w.Check(); err != nil {
		s.t.Fatal(err)
	}
	for _, a := range s.apps {
		if a.ID == id {
			a.Webhooks = append(a.Webhooks, w)
			return
		}
	}
	s.apps = append(s.apps, &app.App{ID: id, Webhooks: []app.Webhook{w}})
}

// until lets time pass, stopping wherever something is due.
func (s *stage) until(t time.Time) {
	for {
		next, ok := s.box.Next()
		if !ok || next.After(t) {
			break
		}
		if next.After(s.now) {
			s.now = next
		}
		s.box.Tick(s.now)
		s.settle()
	}
	s.now = t
}

// settle starts what can be started, and takes what is to be stored.
func (s *stage) settle() {
	for {
		for b := s.box.Start(s.now); b != nil; b = s.box.Start(s.now) {
			s.sending[b.Seq] = b
			s.say("%v send %d to %s/%s: %s", s.now.Sub(start), b.Seq, b.App, b.Webhook, short(b.Events))
		}
		if !s.box.Changed() {
			return
		}
		c := s.box.Changes()
		for _, d := range c.Bury {
			s.dead[d.Seq] = d
			s.say("%v dead %d of %s/%s: %s, %d tries: %s", s.now.Sub(start), d.Seq, d.App, d.Webhook, d.Reason, d.Attempts, short(d.Events))
		}
		for _, l := range c.Ledger {
			s.say("%v ledger %s %s%s %v", s.now.Sub(start), l.App, l.Channel, strings.TrimSuffix(" "+l.User, " "), l.There)
		}
		for _, r := range c.Put {
			s.say("%v put %d, %d bytes", s.now.Sub(start), r.Seq, len(r.Data))
		}
		for _, seq := range c.Delete {
			s.say("%v delete %d", s.now.Sub(start), seq)
		}
		if s.cfg.Journal {
			s.disk = append(s.disk, c)
		}
	}
}

// short abridges the JSON of events to what stories are about.
func short(events []byte) string {
	return strings.NewReplacer(`{"name":"`, "", `","channel":"`, " ", `","user_id":"`, " ", `,"subscription_count":`, " ", `"}`, "", `}`, "", `"`, "").Replace(string(events))
}

func (s *stage) do(verb string, args []string) {
	e := wire.HookEvent{}
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		s.t.Fatalf("%s %q: too few words", verb, args)
		return ""
	}
	if verb == "stored" {
		for i := range s.disk {
			s.box.Stored(s.disk[i], s.now)
		}
		s.disk = nil
		return
	}
	id, name, _ := strings.Cut(arg(0), "/")
	e.Channel = name
	switch verb {
	case "occupied":
		e.Hook = pusher.HookOccupied
	case "vacated":
		e.Hook = pusher.HookVacated
	case "added":
		e.Hook, e.UserID = pusher.HookMemberAdded, arg(1)
	case "removed":
		e.Hook, e.UserID = pusher.HookMemberRemoved, arg(1)
	case "miss":
		e.Hook = pusher.HookCacheMiss
	case "count":
		e.Hook = pusher.HookCount
		e.Count, _ = strconv.Atoi(arg(1))
	case "ok":
		s.finish(arg(0), outbox.Result{OK: true})
		return
	case "fail": // the receiver: fail 1 timeout
		s.finish(arg(0), outbox.Result{Reason: arg(1), Receiver: true})
		return
	case "refuse": // the batch: refuse 1 400
		s.finish(arg(0), outbox.Result{Reason: arg(1)})
		return
	case "end":
		s.box.End(arg(0) == "absences", s.now)
		return
	case "present":
		p := outbox.Present{App: id, Channel: name}
		if len(args) > 1 {
			p.User, p.Member = args[1], true
		}
		s.box.RestorePresent(p, 30*time.Second, s.now)
		return
	case "replay":
		seq, err := strconv.ParseUint(arg(0), 10, 64)
		if err != nil || s.dead[seq] == nil {
			s.t.Fatalf("replay %q: no such dead letter", args)
		}
		if err := s.box.Replay(s.dead[seq].Batch, s.now); err != nil {
			s.say("%v", err)
			if !errors.Is(err, outbox.ErrNoRoom) {
				s.t.Fatal(err)
			}
			return
		}
		delete(s.dead, seq)
		return
	default:
		s.t.Fatalf("unknown verb %q", verb)
	}
	s.box.Notify(id, &e, s.now)
}

func (s *stage) finish(seqs string, r outbox.Result) {
	for text := range strings.SplitSeq(seqs, ",") {
		seq, err := strconv.ParseUint(text, 10, 64)
		b := s.sending[seq]
		if err != nil || b == nil {
			s.say("%s is not under way", text)
			continue
		}
		delete(s.sending, seq)
		s.box.Finish(b, r, s.now)
	}
}
