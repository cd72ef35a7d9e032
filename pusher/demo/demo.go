// Package demo is what a development server shows at its root: six pages that use the server as anybody's pages would, with a stock
// pusher-js, and the backend that they need. It is for looking and for copying, not for production: visitors are whoever they say
// they are.
//
//	GET  /                  the index
//	GET  /demo/NAME         a page, and what it loads: all of it in site/, as it is
//	GET  /demo/server.js    where the server is, as a module
//	POST /demo/auth         joins a channel                auth.go
//	POST /demo/user-auth    signs a user in                auth.go
//	POST /demo/ticker       somebody looks at the ticker   ticker.go
//	POST /demo/answers      asks a question                answer.go
//	POST /demo/notices      tells a user something         notice.go
//
// All is bounded: forms, names, how many answers are written at once. Nothing is published before a page asks, and the ticker ends when
// nobody has looked for a while. Only channels whose names begin with one of [Prefixes] are signed for or published to.
//
// A Site is made by New and ends with Close. Its methods may be called by any goroutine.
package demo

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gannet-io/gannet/pusher/allow"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/quota"
	"github.com/gannet-io/gannet/pusher/wire"
)

// Prefixes begin the names of the channels that the demos use, and no others.
var Prefixes = []string{"demo-", "private-demo-", "presence-demo-"}

// Config says whose demos these are. App and Node are needed.
type Config struct {
	App  *app.App // its oldest key signs, its rules are those of Rules
	Node Node

	Hosts  []string     // names that requests may be for, see allow.Own, beside addresses and localhost
	Path   string       // the prefix of the server's paths, "" or "/x"
	Logger *slog.Logger // nil: nothing is logged

	// Clustered says that there are other nodes with the same demos.
	Clustered bool
}

// A Node is what a site publishes to; *node.Node is the real one. Its methods may be called by any goroutine, and Admit may block.
type Node interface {
	Admit(a *app.App, channels iter.Seq[string]) error
	Publish(a *app.App, ev *node.Event) error
	Channel(a *app.App, name string) node.Counts
	// First reports whether this is the node that does what one node of a cluster is to do.
	First() bool
}

// A Site is the pages and their backend.
type Site struct {
	// Set once by New.
	cfg   Config
	mux   http.Handler
	pages map[string]page // by path
	alive context.Context // of what publishes
	end   context.CancelFunc

	work sync.WaitGroup // all that publishes

	mu      sync.Mutex
	closed  bool         // guarded by mu
	ticking bool         // guarded by mu
	writing int          // answers; guarded by mu
	notices quota.Bucket // guarded by mu
}

// Rules returns what is special about the channels of the demos. The app needs client events and watchlists, too.
func Rules() []app.Rule {
	return []app.Rule{
		{
			Match: tickerChannel, History: app.History{Events: 12000, TTL: 2 * time.Minute}, KeyedCache: true, CacheKeys: 1000,
			Slow: app.Conflate, HighWater: 16 << 10, LowWater: 4 << 10,
		},
		{Match: answerPrefix + "*", History: app.History{Events: 2000, TTL: 10 * time.Minute}},
	}
}

// New returns a Site. It panics without App or Node.
func New(cfg Config) *Site {
	if cfg.App == nil || cfg.Node == nil {
		panic("demo: Config needs App and Node")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Site{cfg: cfg}
	s.alive, s.end = context.WithCancel(context.Background())
	s.pages = readPages(s.serverScript())
	if cfg.Clustered {
		s.start(func() bool { return true }, s.watchOthers)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", s.page)
	mux.HandleFunc("POST /demo/auth", form(s.authorize))
	mux.HandleFunc("POST /demo/user-auth", form(s.signIn))
	mux.HandleFunc("POST /demo/ticker", form(s.watchTicker))
	mux.HandleFunc("POST /demo/answers", form(s.ask))
	mux.HandleFunc("POST /demo/notices", form(s.notify))
	// Another site's page shall not make a visitor's browser start anything here.
	s.mux = http.NewCrossOriginProtection().Handler(mux)
	return s
}

// ServeHTTP answers a request whose path is without the server's prefix. Any goroutine.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Nor shall one that has pointed its own name here, as whose own page it would count.
	if !allow.Own(s.cfg.Hosts, r.Host) {
		head(w.Header())
		http.Error(w, "The demos answer to localhost and to addresses; list other names in hosts", http.StatusMisdirectedRequest)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// Close ends what publishes, and waits for it. May block.
func (s *Site) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

// start runs work until it returns or the site is closed, whose context it gets, provided that begin, which is called under the lock,
// agrees. It reports whether it does.
func (s *Site) start(begin func() bool, work func(ctx context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !begin() {
		return false
	}
	s.work.Go(func() { work(s.alive) })
	return true
}

// publish sends an event with data as JSON to a channel of the demos.
func (s *Site) publish(channel, name string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // data is ours
	}
	if err := s.cfg.Node.Admit(s.cfg.App, slices.Values([]string{channel})); err != nil {
		s.cfg.Logger.Debug("demo: not published", "channel", channel, "err", err)
		return
	}
	s.send(channel, name, text)
}

// send publishes text, which is borrowed, without asking whether there is room.
func (s *Site) send(channel, name string, text []byte) {
	ev := node.Event{Channel: channel, Name: name, Data: wire.AppendQuoted(nil, text)}
	if err := s.cfg.Node.Publish(s.cfg.App, &ev); err != nil {
		s.cfg.Logger.Debug("demo: not published", "channel", channel, "err", err)
	}
}

// occupied reports whether anybody is on a channel.
func (s *Site) occupied(channel string) bool {
	return s.cfg.Node.Channel(s.cfg.App, channel).Subscriptions > 0
}

// ours reports whether a channel is one of the demos'.
func ours(channel string) bool {
	return slices.ContainsFunc(Prefixes, func(prefix string) bool { return strings.HasPrefix(channel, prefix) })
}
