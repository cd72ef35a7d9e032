package admin

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

type channelView struct {
	Name        string       `json:"name"`
	Kind        string       `json:"kind"`
	Cache       bool         `json:"cache"`
	Subscribers int          `json:"subscribers"`
	Members     *int         `json:"members"`
	History     *historyView `json:"history"`
}

type historyView struct {
	Head string `json:"head"`
}

const kindCache = "cache"

// kindOf is the word for a channel's kind.
func kindOf(k pusher.Kind) string {
	switch {
	case k&pusher.ServerToUser != 0:
		return "user"
	case k&pusher.Encrypted != 0:
		return "encrypted"
	case k&pusher.Presence != 0:
		return "presence"
	case k&pusher.Private != 0:
		return "private"
	}
	return "public"
}

func viewChannel(s *node.Sight) channelView {
	v := channelView{Name: s.Name, Kind: kindOf(s.Kind), Cache: s.Kind&pusher.Cache != 0, Subscribers: s.Subscribers}
	if s.Kind&pusher.Presence != 0 {
		v.Members = &s.Members
	}
	if s.Kept {
		v.History = &historyView{s.Head}
	}
	return v
}

func (s *Server) listChannels(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := s.app(r)
	if err != nil {
		return nil, err
	}
	q, err := parse(r, "prefix", "contains", "kind", "order", "after", "limit")
	if err != nil {
		return nil, err
	}
	kind := q.word("kind", "", "public", "private", "encrypted", "presence", kindCache, "user")
	order := q.word("order", "name", "subscribers")
	limit := q.number("limit", 1, 500, 50)
	if q.err != nil {
		return nil, q.err
	}
	if err := s.scans.enter(r.Context()); err != nil {
		return nil, err
	}
	defer s.scans.leave()
	prefix, part, after := q.text("prefix"), q.text("contains"), q.text("after")
	fits := func(name string) bool {
		if !strings.HasPrefix(name, prefix) || !strings.Contains(name, part) {
			return false
		}
		k := pusher.KindOf(name)
		switch word := kindOf(k); {
		case kind == kindCache:
			return word != "user" && k&pusher.Cache != 0
		case kind == "":
			return word != "user"
		default:
			return word == kind
		}
	}
	var views []channelView
	total, next := 0, (*string)(nil)
	if order == "name" {
		views, total, next = s.channelsByName(r, a, fits, after, limit)
	} else {
		views, total = s.channelsBySubscribers(r, a, fits, limit)
	}
	if views == nil {
		views = []channelView{}
	}
	return map[string]any{"channels": views, "next": next, "total": total}, nil
}

// channelsByName keeps the first names behind one as it comes by all of them, and looks at those alone.
func (s *Server) channelsByName(r *http.Request, a *app.App, fits func(string) bool, after string, limit int) (views []channelView, total int, next *string) {
	var names []string
	for name := range s.cfg.Node.Names(a) {
		if !fits(name) {
			continue
		}
		total++
		if name <= after && after != "" {
			continue
		}
		if names = append(names, name); len(names) > 4*limit {
			names = firstNames(names, limit+1)
			if r.Context().Err() != nil {
				break // whoever asked has gone
			}
		}
	}
	names = firstNames(names, limit+1)
	if len(names) > limit {
		names = names[:limit]
		next = &names[limit-1]
	}
	for _, name := range names {
		sight := s.cfg.Node.Sight(a, name)
		views = append(views, viewChannel(&sight))
	}
	return views, total, next
}

func firstNames(names []string, limit int) []string {
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), limit)]
}

// channelsBySubscribers counts all of them, one at a time.
func (s *Server) channelsBySubscribers(r *http.Request, a *app.App, fits func(string) bool, limit int) (views []channelView, total int) {
	type counted struct {
		name string
		n    int
	}
	var all []counted
	first := func(n int) {
		slices.SortFunc(all, func(a, b counted) int { return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.name, b.name)) })
		all = all[:min(len(all), n)]
	}
	for name := range s.cfg.Node.Names(a) {
		if !fits(name) {
			continue
		}
		total++
		if all = append(all, counted{name, s.cfg.Node.Channel(a, name).Subscriptions}); len(all) > 4*limit {
			first(limit)
			if r.Context().Err() != nil {
				break // whoever asked has gone
			}
		}
	}
	first(limit)
	for _, c := range all {
		sight := s.cfg.Node.Sight(a, c.name)
		views = append(views, viewChannel(&sight))
	}
	return views, total
}

type cachedView struct {
	Event string `json:"event"`
	Data  string `json:"data"`
	TTL   int    `json:"ttl_s"`
}

type membersView struct {
	Members []memberView `json:"members"`
	Next    *string      `json:"next"`
}

type memberView struct {
	ID          string          `json:"id"`
	Connections int             `json:"connections"`
	Info        json.RawMessage `json:"info"`
}

type eventsView struct {
	Events []eventView `json:"events"`
	Next   *string     `json:"next"`
}

type eventView struct {
	Serial  string          `json:"serial"`
	Time    string          `json:"time"`
	Message json.RawMessage `json:"message"`
}

const (
	firstMembers = 100
	firstEvents  = 20
	eventsRoom   = 4 << 20
)

func (s *Server) showChannel(_ http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := parse(r); err != nil {
		return nil, err
	}
	a, name, err := s.channel(r)
	if err != nil {
		return nil, err
	}
	sight := s.cfg.Node.Sight(a, name)
	detail := struct {
		Channel channelView  `json:"channel"`
		Rule    *string      `json:"rule"`
		Cached  *cachedView  `json:"cached"`
		Members *membersView `json:"members"`
		Events  *eventsView  `json:"events"`
	}{Channel: viewChannel(&sight)}
	if sight.Rule != "" {
		detail.Rule = &sight.Rule
	}
	if event, token, ttl, ok := s.cfg.Node.CachedEvent(a, name); ok {
		c := cachedView{Event: event, TTL: ttl}
		_ = json.Unmarshal(token, &c.Data) // it was checked when it was published
		detail.Cached = &c
	}
	if sight.Kind&pusher.Presence != 0 {
		detail.Members = s.members(a, name, "", firstMembers)
	}
	if sight.Kept {
		detail.Events = s.events(a, name, "", firstEvents)
	}
	return detail, nil
}

// channel returns the app and the channel that a path names.
func (s *Server) channel(r *http.Request) (*app.App, string, error) {
	a, err := s.app(r)
	if err != nil {
		return nil, "", err
	}
	name := r.PathValue("channel")
	if !pusher.ValidChannel(name, a.Limits.ChannelNameLength) {
		return nil, "", badRequest("bad_channel", pusher.BadChannel(name).Message)
	}
	return a, name, nil
}

func (s *Server) listMembers(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, name, err := s.channel(r)
	if err != nil {
		return nil, err
	}
	q, err := parse(r, "after", "limit")
	if err != nil {
		return nil, err
	}
	limit := q.number("limit", 1, 1000, firstMembers)
	if q.err != nil {
		return nil, q.err
	}
	if pusher.KindOf(name)&pusher.Presence == 0 {
		return nil, badRequest("not_presence", "only presence channels have members")
	}
	return s.members(a, name, q.text("after"), limit), nil
}

func (s *Server) members(a *app.App, name, after string, limit int) *membersView {
	members, more := s.cfg.Node.Members(a, name, after, limit)
	v := &membersView{Members: []memberView{}}
	for _, m := range members {
		v.Members = append(v.Members, memberView{m.ID, m.Connections, orNull(m.Info)})
	}
	if more {
		v.Next = &members[len(members)-1].ID
	}
	return v
}

func orNull(text []byte) json.RawMessage {
	if len(text) == 0 {
		return json.RawMessage("null")
	}
	return text
}

func (s *Server) listEvents(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, name, err := s.channel(r)
	if err != nil {
		return nil, err
	}
	q, err := parse(r, "before", "limit")
	if err != nil {
		return nil, err
	}
	limit := q.number("limit", 1, 200, 50)
	before := q.text("before")
	switch rule := a.Rule(name); {
	case q.err != nil:
		return nil, q.err
	case rule == nil || !rule.History.On():
		return nil, badRequest("no_history", "no rule of the app gives this channel a history")
	case before != "" && !node.ValidSerial(before):
		return nil, badRequest("bad_before", "before must be the next of a page")
	}
	return s.events(a, name, before, limit), nil
}

func (s *Server) events(a *app.App, name, before string, limit int) *eventsView {
	past := s.cfg.Node.History(a, name, &node.PastQuery{Before: before, Newest: true, Limit: limit, Room: eventsRoom})
	v := &eventsView{Events: []eventView{}}
	for _, e := range past.Events {
		v.Events = append(v.Events, eventView{e.Serial, moment(e.At), e.JSON})
	}
	if past.More && len(past.Events) > 0 {
		v.Next = &past.Events[len(past.Events)-1].Serial
	}
	return v
}
