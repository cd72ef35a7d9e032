package webhook

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
)

// API returns the operator's door, JSON over HTTP, for the admin listener:
//
//	GET  /api/webhooks          what webhooks there are, and how they are doing
//	GET  /api/webhooks/dead     dead letters, the latest first; query: app, webhook, id, before, limit
//	POST /api/webhooks/replay   sends dead letters again
//	POST /api/webhooks/discard  forgets dead letters
//	POST /api/webhooks/test     sends a sample
//
// Errors are {"error":"…"} with a status from 400 up. docs/webhooks.md has the bodies.
func (s *Sender) API() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { answer(w, r, f) })
	}
	handle("GET /api/webhooks", s.apiList)
	handle("GET /api/webhooks/dead", s.apiDead)
	handle("POST /api/webhooks/replay", s.apiReplay)
	handle("POST /api/webhooks/discard", s.apiDiscard)
	handle("POST /api/webhooks/test", s.apiTest)
	return mux
}

// An apiError is answered with its status.
type apiError struct {
	status int
	text   string
}

func (e *apiError) Error() string { return e.text }

func badRequest(text string) error { return &apiError{http.StatusBadRequest, text} }

func answer(w http.ResponseWriter, r *http.Request, f func(r *http.Request) (any, error)) {
	// A page in the operator's browser may post forms anywhere, but JSON only where it is asked in.
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); r.Method == http.MethodPost && strings.TrimSpace(kind) != "application/json" {
		write(w, http.StatusUnsupportedMediaType, map[string]string{"error": "the body must be application/json"})
		return
	}
	body, err := f(r)
	var refused *apiError
	switch {
	case err == nil:
		write(w, http.StatusOK, body)
	case errors.As(err, &refused):
		write(w, refused.status, map[string]string{"error": refused.text})
	case errors.Is(err, ErrNoWebhook) || errors.Is(err, ErrNoLetter):
		write(w, http.StatusNotFound, map[string]string{"error": err.Error()})
	default:
		write(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
	}
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // the operator has gone
}

// A State is how one webhook is doing.
type State struct {
	App     string     `json:"app"`
	Webhook string     `json:"webhook"`
	URL     string     `json:"url"` // without its query
	Events  []string   `json:"events"`
	Queued  int        `json:"queued_events"`
	Unsafe  int        `json:"unsafe_events"` // of them, not on disk yet; 0 without data_dir
	Sending int        `json:"sending"`       // requests under way
	Oldest  *time.Time `json:"oldest"`        // when the oldest event that waits happened; null: none waits
	Failing bool       `json:"failing"`
}

// States is the answer to GET /api/webhooks.
type States struct {
	Webhooks    []State `json:"webhooks"` // by app and name
	DeadLetters int     `json:"dead_letters"`
	DeadBytes   int     `json:"dead_bytes"`
	Durable     bool    `json:"durable"` // data_dir is set
}

func (s *Sender) apiList(*http.Request) (any, error) {
	list := States{Webhooks: []State{}, Durable: s.cfg.Journal.Durable()}
	list.DeadLetters, list.DeadBytes = s.cfg.Journal.Kept()
	for name, q := range s.queues() {
		state := State{App: name.app, Webhook: name.hook, URL: shown(s.receivers[name].url), Events: strings.Split(q.Hook.Events.String(), ","),
			Queued: q.Events, Unsafe: q.Unsafe, Sending: q.Sending, Failing: q.Failing}
		if !q.Oldest.IsZero() {
			at := q.Oldest.UTC().Truncate(time.Millisecond)
			state.Oldest = &at
		}
		list.Webhooks = append(list.Webhooks, state)
	}
	slices.SortFunc(list.Webhooks, func(a, b State) int {
		return strings.Compare(a.App+"\x00"+a.Webhook, b.App+"\x00"+b.Webhook)
	})
	return list, nil
}

// shown returns a URL without the part that mostly holds tokens.
func shown(u *url.URL) string {
	short := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return short.String()
}

// A Letter is a dead letter as the API shows it.
type Letter struct {
	ID      string          `json:"id"` // X-Gannet-Delivery of its requests
	App     string          `json:"app"`
	Webhook string          `json:"webhook"`
	Reason  string          `json:"reason"`
	Tries   int             `json:"tries"`
	Created time.Time       `json:"created"` // its first event
	Died    time.Time       `json:"died"`
	Events  json.RawMessage `json:"events"` // as they would have been sent
}

// Letters is the answer to GET /api/webhooks/dead.
type Letters struct {
	Dead []Letter `json:"dead"`
	Next string   `json:"next,omitempty"` // the value of before for more of them; "": there are no more
}

const (
	defaultLimit = 50
	maxLimit     = 1000
)

func (s *Sender) apiDead(r *http.Request) (any, error) {
	query := r.URL.Query()
	for name := range query {
		if !slices.Contains([]string{"app", "webhook", "id", "before", "limit"}, name) {
			return nil, badRequest("unknown query parameter " + strconv.Quote(name))
		}
	}
	limit := defaultLimit
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return nil, badRequest("limit must be from 1 to " + strconv.Itoa(maxLimit))
		}
		limit = n
	}
	sel := Selection{IDs: query["id"], App: query.Get("app"), Webhook: query.Get("webhook")}
	dead, err := s.Dead(sel, query.Get("before"), limit)
	if err != nil {
		return nil, err
	}
	list := Letters{Dead: []Letter{}}
	for _, d := range dead {
		list.Dead = append(list.Dead, s.letter(d))
	}
	if len(sel.IDs) == 0 && len(dead) == limit {
		list.Next = s.id(dead[limit-1].Seq)
	}
	return list, nil
}

func (s *Sender) letter(d *outbox.Dead) Letter {
	return Letter{
		ID: s.id(d.Seq), App: d.App, Webhook: d.Webhook, Reason: d.Reason, Tries: d.Attempts,
		Created: d.Created.UTC().Truncate(time.Millisecond), Died: d.At.UTC().Truncate(time.Millisecond),
		Events: append(append([]byte{'['}, d.Events...), ']'),
	}
}

// A Choice is the body of POST /api/webhooks/replay and discard: some ids, or those of an app, or of a webhook of an app,
// or all. All must be said, so that an empty body does nothing.
type Choice struct {
	IDs     []string `json:"ids,omitempty"`
	App     string   `json:"app,omitempty"`
	Webhook string   `json:"webhook,omitempty"`
	All     bool     `json:"all,omitempty"`
}

func (s *Sender) choice(r *http.Request) (sel Selection, err error) {
	var c Choice
	if err := read(r, &c); err != nil {
		return sel, err
	}
	narrow := c.App != "" || c.Webhook != ""
	switch {
	case len(c.IDs) == 0 && !narrow && !c.All:
		return sel, badRequest(`say which: "ids", "app", "app" and "webhook", or "all"`)
	case c.All && (narrow || len(c.IDs) > 0) || narrow && len(c.IDs) > 0:
		return sel, badRequest(`say either "ids", or "app" and "webhook", or "all"`)
	case c.Webhook != "" && c.App == "":
		return sel, badRequest(`"webhook" needs "app"`)
	}
	return Selection{IDs: c.IDs, App: c.App, Webhook: c.Webhook}, nil
}

// Done is the answer to POST /api/webhooks/replay and discard.
type Done struct {
	Letters int    `json:"letters"`         // how many
	Stopped string `json:"error,omitempty"` // why no more of them
}

func (s *Sender) apiReplay(r *http.Request) (any, error) {
	sel, err := s.choice(r)
	if err != nil {
		return nil, err
	}
	n, err := s.Replay(r.Context(), sel)
	switch {
	case err == nil:
		return Done{Letters: n}, nil
	case n > 0:
		return Done{Letters: n, Stopped: err.Error()}, nil
	case errors.Is(err, outbox.ErrNoRoom), errors.Is(err, outbox.ErrNoWebhook):
		return nil, &apiError{http.StatusConflict, err.Error()}
	}
	return nil, err
}

func (s *Sender) apiDiscard(r *http.Request) (any, error) {
	sel, err := s.choice(r)
	if err != nil {
		return nil, err
	}
	n, err := s.Discard(sel)
	return Done{Letters: n}, err
}

// A Trial is the body of POST /api/webhooks/test. Webhook may be left out where the app has one, Event for
// channel_occupied.
type Trial struct {
	App     string `json:"app"`
	Webhook string `json:"webhook,omitempty"`
	Event   string `json:"event,omitempty"`
}

// A TrialResult is the answer to it.
type TrialResult struct {
	Webhook string `json:"webhook"`
	OK      bool   `json:"ok"`               // the receiver is content
	Sent    string `json:"sent"`             // the body of the request
	Status  int    `json:"status,omitempty"` // of the receiver's answer
	Body    string `json:"body,omitempty"`   // how it begins
	Reason  string `json:"reason,omitempty"` // as in metrics
	Error   string `json:"error,omitempty"`  // why there was no answer
	Millis  int64  `json:"took_ms"`
}

// Result puts the outcome of a test into words.
func (a *Answer) Result(hook, sent string) TrialResult {
	judged := a.result()
	r := TrialResult{Webhook: hook, OK: judged.OK, Sent: sent, Status: a.Status, Body: strings.ToValidUTF8(string(a.Body), "\uFFFD"), Reason: judged.Reason, Millis: a.Took.Milliseconds()}
	var denied *DeniedError
	switch {
	case errors.As(a.Err, &denied):
		r.Error = strings.TrimPrefix(denied.Error(), "webhook: ") // without the socket that was not opened
	case a.Err != nil:
		r.Error = a.Err.Error()
	}
	return r
}

func (s *Sender) apiTest(r *http.Request) (any, error) {
	var trial Trial
	if err := read(r, &trial); err != nil {
		return nil, err
	}
	if trial.Event == "" {
		trial.Event = pusher.HookOccupied.String()
	}
	kind, ok := pusher.ParseHook(trial.Event)
	if !ok {
		return nil, badRequest("there is no event " + strconv.Quote(trial.Event))
	}
	if trial.Webhook == "" {
		only, err := s.only(trial.App)
		if err != nil {
			return nil, err
		}
		trial.Webhook = only
	}
	sent, a, err := s.Test(r.Context(), trial.App, trial.Webhook, kind)
	if err != nil {
		return nil, err
	}
	return a.Result(trial.Webhook, sent), nil
}

// only returns the name of an app's one webhook.
func (s *Sender) only(appID string) (string, error) {
	var names []string
	for name := range s.receivers {
		if name.app == appID {
			names = append(names, name.hook)
		}
	}
	slices.Sort(names)
	switch len(names) {
	case 0:
		return "", ErrNoWebhook
	case 1:
		return names[0], nil
	}
	return "", badRequest("app " + strconv.Quote(appID) + " has several webhooks: " + strings.Join(names, ", "))
}

// read decodes the body of a request, strictly.
func read(r *http.Request, to any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(to); err != nil {
		return badRequest("the body: " + err.Error())
	}
	return nil
}
