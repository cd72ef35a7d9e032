package admin

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// hidden stands for a secret.
const hidden = "••••"

type appView struct {
	ID                string      `json:"id"`
	Enabled           bool        `json:"enabled"`
	Keys              []keyView   `json:"keys"`
	ClientEvents      bool        `json:"client_events"`
	RequireSignIn     bool        `json:"require_sign_in"`
	SubscriptionCount bool        `json:"subscription_count"`
	Watchlist         bool        `json:"watchlist"`
	Origins           []string    `json:"origins"`
	Webhooks          int         `json:"webhooks"`
	Rules             []ruleView  `json:"rules"`
	Connections       int         `json:"connections"`
	Channels          int         `json:"channels"`
	Users             int         `json:"users"`
	Traffic           trafficView `json:"traffic"`
	Refusals          []appReason `json:"refusals"`
	Limits            []limitView `json:"limits"`
}

type keyView struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

type ruleView struct {
	Match         string  `json:"match"`
	HistoryEvents int     `json:"history_events"`
	HistoryTTL    float64 `json:"history_ttl_s"`
	Cache         string  `json:"cache"`
	Key           string  `json:"key"`
	Slow          string  `json:"slow"`
	ClientEvents  *bool   `json:"client_events"`
}

type trafficView struct {
	Published        int     `json:"published"`
	ClientEvents     int     `json:"client_events"`
	Deliveries       int     `json:"deliveries"`
	PublishedPerS    float64 `json:"published_per_s"`
	ClientEventsPerS float64 `json:"client_events_per_s"`
	DeliveriesPerS   float64 `json:"deliveries_per_s"`
	BytesIn          int     `json:"bytes_in"`
	BytesOut         int     `json:"bytes_out"`
	HTTPBytesIn      int     `json:"http_bytes_in"`
	HTTPBytesOut     int     `json:"http_bytes_out"`
	BytesInPerS      float64 `json:"bytes_in_per_s"`
	BytesOutPerS     float64 `json:"bytes_out_per_s"`
	HTTPBytesInPerS  float64 `json:"http_bytes_in_per_s"`
	HTTPBytesOutPerS float64 `json:"http_bytes_out_per_s"`
}

// An appReason is how often something was refused in an app, and why.
type appReason struct {
	Door   string  `json:"door"` // websocket, http
	Class  string  `json:"class"`
	Reason string  `json:"reason"`
	Total  float64 `json:"total"`
	PerS   float64 `json:"per_s"`
}

type limitView struct {
	Name  string  `json:"name"`
	Limit float64 `json:"limit"`
	Used  *int    `json:"used"`
	Unit  string  `json:"unit"`
}

func (s *Server) listApps(_ http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := parse(r); err != nil {
		return nil, err
	}
	channels, f := s.countChannels(), s.figuresNow()
	views := make([]appView, 0, len(s.cfg.Apps))
	for _, a := range s.cfg.Apps {
		views = append(views, s.appView(a, channels[a.ID], f))
	}
	return map[string]any{"apps": views}, nil
}

func (s *Server) showApp(_ http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := parse(r); err != nil {
		return nil, err
	}
	a, err := s.app(r)
	if err != nil {
		return nil, err
	}
	return map[string]any{"app": s.appView(a, s.countChannels()[a.ID], s.figuresNow())}, nil
}

// reveal shows the credentials of an app. It is a POST, so that none shows up by being looked at, cached or linked to.
func (s *Server) reveal(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := s.app(r)
	if err != nil {
		return nil, err
	}
	var nothing struct{}
	if err := read(r, &nothing); err != nil {
		return nil, err
	}
	s.cfg.Logger.Info("admin: credentials were shown", "app", a.ID, "to", client(r))
	keys := make([]keyView, 0, len(a.Keys))
	for _, k := range a.Keys {
		keys = append(keys, keyView(k))
	}
	return map[string]any{"keys": keys}, nil
}

// app returns the app that a path names.
func (s *Server) app(r *http.Request) (*app.App, error) {
	id := r.PathValue("app")
	for _, a := range s.cfg.Apps {
		if a.ID == id {
			return a, nil
		}
	}
	return nil, &refusal{status: http.StatusNotFound, code: "no_such_app", text: "there is no such app"}
}

// countChannels counts the channels of all apps, but not more often than every two seconds: it looks at all names.
func (s *Server) countChannels() map[string]int {
	s.counted.Lock()
	defer s.counted.Unlock()
	if now := time.Now(); s.counts == nil || now.Sub(s.countedAt) > 2*time.Second {
		s.counts, s.countedAt = s.cfg.Node.CountNames(), now
	}
	return s.counts
}

func (s *Server) appView(a *app.App, channels int, f *figures) appView {
	use, now := s.cfg.Node.Usage(a), s.cfg.Now()
	v := appView{
		ID: a.ID, Enabled: a.Enabled, Keys: []keyView{}, ClientEvents: a.ClientEvents, RequireSignIn: a.RequireSignIn,
		SubscriptionCount: a.SubscriptionCount, Watchlist: a.Watchlist, Origins: append([]string{}, a.Origins...), Webhooks: len(a.Webhooks),
		Rules: []ruleView{}, Connections: use.Connections, Channels: channels, Users: use.Users,
		Traffic: s.sampler.trafficView(a.ID, use.Traffic, f.of(a.ID), now), Refusals: s.sampler.appReasons(a.ID, f.of(a.ID), now),
		Limits: limits(&a.Limits, &use),
	}
	for _, k := range a.Keys {
		v.Keys = append(v.Keys, keyView{k.Key, hidden})
	}
	for i := range a.Rules {
		v.Rules = append(v.Rules, viewRule(&a.Rules[i]))
	}
	return v
}

func viewRule(r *app.Rule) ruleView {
	v := ruleView{Match: r.Match, HistoryEvents: r.History.Events, HistoryTTL: r.History.TTL.Seconds(), Key: "event", Slow: "disconnect"}
	if r.KeyedCache {
		v.Cache = "keyed"
	}
	if r.Key == app.ByChannel {
		v.Key = "channel"
	}
	switch r.Slow {
	case app.Conflate:
		v.Slow = "conflate"
	case app.DropOldest:
		v.Slow = "drop_oldest"
	}
	if r.ClientEvents != app.AsApp {
		v.ClientEvents = new(r.ClientEvents == app.Allow)
	}
	return v
}

// trafficView adds rates over the last minute.
func (p *sampler) trafficView(id string, now node.Traffic, doors *appFigures, at time.Time) trafficView {
	v := trafficView{
		Published: now.Published, ClientEvents: now.ClientEvents, Deliveries: now.Deliveries, BytesIn: now.BytesIn, BytesOut: now.BytesOut,
		HTTPBytesIn: int(doors.httpIn), HTTPBytesOut: int(doors.httpOut),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.recent) == 0 {
		return v
	}
	first := &p.recent[0]
	before, ok := first.apps[id]
	seconds := at.Sub(first.at).Seconds()
	if !ok || seconds <= 0 {
		return v
	}
	doorsBefore := first.f.of(id)
	for _, r := range []struct {
		rate        *float64
		now, before float64
	}{
		{&v.PublishedPerS, float64(now.Published), float64(before.Published)},
		{&v.ClientEventsPerS, float64(now.ClientEvents), float64(before.ClientEvents)},
		{&v.DeliveriesPerS, float64(now.Deliveries), float64(before.Deliveries)},
		{&v.BytesInPerS, float64(now.BytesIn), float64(before.BytesIn)},
		{&v.BytesOutPerS, float64(now.BytesOut), float64(before.BytesOut)},
		{&v.HTTPBytesInPerS, doors.httpIn, doorsBefore.httpIn},
		{&v.HTTPBytesOutPerS, doors.httpOut, doorsBefore.httpOut},
	} {
		*r.rate = rounded(max(r.now-r.before, 0) / seconds)
	}
	return v
}

// appReasons lists what was refused in an app, the most frequent first, with rates over the last minute.
func (p *sampler) appReasons(id string, now *appFigures, at time.Time) []appReason {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, seconds := &appFigures{}, 0.0
	if len(p.recent) > 0 {
		before, seconds = p.recent[0].f.of(id), at.Sub(p.recent[0].at).Seconds()
	}
	list := []appReason{}
	for why, total := range now.refusals {
		one := appReason{Door: why.door, Class: why.class, Reason: why.reason, Total: total}
		if seconds > 0 {
			one.PerS = rounded(max(total-before.refusals[why], 0) / seconds)
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b appReason) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), strings.Compare(a.Reason, b.Reason), strings.Compare(a.Door, b.Door))
	})
	return list
}

// limits lists all of an app's limits by their names in the configuration.
func limits(l *app.Limits, use *node.Usage) (list []limitView) {
	add := func(name, unit string, limit float64, used *int) {
		list = append(list, limitView{name, limit, used, unit})
	}
	for _, n := range []struct {
		name, unit string
		limit      int
		used       *int
	}{
		{"connections", "count", l.Connections, &use.Connections},
		{"cache_bytes", "bytes", l.CacheBytes, &use.CacheBytes},
		{"history_bytes", "bytes", l.HistoryBytes, &use.HistoryBytes},
		{"channel_name_length", "chars", l.ChannelNameLength, nil},
		{"event_name_length", "chars", l.EventNameLength, nil},
		{"event_bytes", "bytes", l.EventBytes, nil},
		{"channels_per_event", "count", l.ChannelsPerEvent, nil},
		{"batch_events", "count", l.BatchEvents, nil},
		{"presence_members", "count", l.PresenceMembers, nil},
		{"member_bytes", "bytes", l.MemberBytes, nil},
		{"user_id_length", "chars", l.UserIDLength, nil},
		{"watchlist", "count", l.Watchlist, nil},
		{"client_events_per_second", "per_second", l.ClientEventsPerSecond, nil},
		{"total_client_events_per_second", "per_second", l.TotalClientEventsPerSecond, nil},
		{"subscriptions_per_connection", "count", l.SubscriptionsPerConnection, nil},
		{"subscribes_per_second", "per_second", l.SubscribesPerSecond, nil},
		{"total_subscribes_per_second", "per_second", l.TotalSubscribesPerSecond, nil},
		{"requests_per_second", "per_second", l.RequestsPerSecond, nil},
		{"key_requests_per_second", "per_second", l.KeyRequestsPerSecond, nil},
		{"json_depth", "count", l.JSONDepth, nil},
		{"idempotency_keys", "count", l.IdempotencyKeys, nil},
	} {
		add(n.name, n.unit, float64(n.limit), n.used)
	}
	add("idempotency_window", "seconds", l.IdempotencyWindow.Seconds(), nil)
	add("cache_ttl", "seconds", l.CacheTTL.Seconds(), nil)
	add("sign_in_timeout", "seconds", l.SignInTimeout.Seconds(), nil)
	return list
}

// publish publishes as a server of the app would.
func (s *Server) publish(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := s.app(r)
	if err != nil {
		return nil, err
	}
	body, err := readTrigger(r)
	if err != nil {
		return nil, err
	}
	channels, refused := s.cfg.Publish(a, body)
	if refused != nil {
		return nil, &refusal{status: refused.Status, code: refused.Reason, text: strings.TrimSpace(refused.Message)}
	}
	s.cfg.Logger.Info("admin: published", "app", a.ID, "channels", len(channels), "by", client(r))
	receivers := make(map[string]any, len(channels))
	for _, name := range channels {
		receivers[name] = map[string]int{"receivers": s.cfg.Node.Channel(a, name).Subscriptions}
	}
	return map[string]any{"channels": receivers}, nil
}
