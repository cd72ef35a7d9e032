package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/fleet"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/node"
)

// Vitals says how this node is, as the others are told, but for who it is. Any goroutine.
func (s *Server) Vitals() fleet.Vitals {
	f := s.figuresNow()
	memory, _ := memoryInUse()
	v := fleet.Vitals{
		Connections: int(f.values["gannet_engine_websockets"]), Subscriptions: int(f.values["gannet_hub_subscriptions"]), Channels: int(f.values["gannet_hub_topics"]),
		Memory: memory, Backlog: f.values["gannet_engine_backlog_bytes"],
		HooksQueued: int(f.values["gannet_webhook_queued_events"]), HooksFailing: int(f.values["gannet_webhook_failing"]), DeadLetters: int(f.values["gannet_webhook_dead_letters"]),
	}
	for _, a := range s.cfg.Apps[:min(len(s.cfg.Apps), maxAppRates)] {
		v.Users += s.cfg.Node.Usage(a).Users
	}
	v.Ready, v.Reason = s.cfg.Ready()
	p := &s.sampler
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.samples); n > 0 {
		last := &p.samples[n-1]
		v.MessagesIn, v.MessagesOut, v.Published = rounded(last.messagesIn), rounded(last.messagesOut), rounded(last.published)
		v.Lag, v.CPU = milliseconds(last.lag), rounded(last.cpu)
	}
	return v
}

// nodeNamed returns the name of this node, "" when it is alone, and an error when wanted is neither that of a node nor "".
func (s *Server) nodeNamed(wanted string) (self string, err error) {
	f := s.cfg.Fleet
	if f == nil {
		if wanted != "" {
			err = badRequest("no_such_node", "this server is alone")
		}
		return "", err
	}
	self = f.Self()
	if wanted != "" && wanted != self && !slices.ContainsFunc(f.Nodes(), func(n fleet.Node) bool { return n.Name == wanted }) {
		err = badRequest("no_such_node", "there is no node by that name")
	}
	return self, err
}

// A placeView is another node where what was looked for is.
type placeView struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Console     string `json:"console"`     // "": not known, or not reached from here
	By          string `json:"by"`          // socket_id, user, channel
	Connections *int   `json:"connections"` // null: not known
}

// ConsoleOf returns where the console of a node is, as this one's operator reaches it; "": nobody knows.
func ConsoleOf(n *fleet.Node, host string) string {
	if n.Vitals == nil || n.Local && n.Host != host {
		return ""
	}
	return n.Console
}

func (s *Server) place(n *fleet.Node, by string, connections *int) placeView {
	return placeView{ID: n.ID, Name: n.Name, Console: ConsoleOf(n, s.cfg.Host), By: by, Connections: connections}
}

// elsewhere returns the other nodes where connections are that a query is about.
func (s *Server) elsewhere(q *live.Query, socketID string) []placeView {
	places := []placeView{}
	nodes := s.cfg.Fleet.Nodes()
	add := func(id, by string, connections *int) {
		i := slices.IndexFunc(nodes, func(n fleet.Node) bool { return n.ID == id })
		known := slices.ContainsFunc(places, func(p placeView) bool { return p.ID == id && p.By == by })
		if i >= 0 && !known {
			places = append(places, s.place(&nodes[i], by, connections))
		}
	}
	apps := s.cfg.Apps
	if q.App != "" {
		apps = slices.DeleteFunc(slices.Clone(apps), func(a *app.App) bool { return a.ID != q.App })
	}
	for _, id := range []string{socketID, q.Any} {
		if id == "" {
			continue
		}
		if s.ours(id) {
			continue
		}
		for _, n := range s.cfg.Fleet.Holding(id) {
			add(n.ID, "socket_id", nil)
		}
	}
	for _, name := range []string{q.Channel, q.Any} {
		if name == "" {
			continue
		}
		for _, a := range apps {
			for _, h := range s.cfg.Node.HoldersOf(a, name) {
				add(h.ID, "channel", &h.Connections)
			}
		}
	}
	for _, user := range []string{q.User, q.Any} {
		if user == "" {
			continue
		}
		found := make(map[string]int)
		s.cfg.Node.UserElsewhere(found, apps, user)
		for _, n := range nodes {
			if found[n.ID] > 0 {
				add(n.ID, "user", nil)
			}
		}
	}
	return places
}

// ours reports whether a socket id was made by this process.
func (s *Server) ours(socketID string) bool {
	stamp, ok := node.StampOf(socketID)
	return ok && stamp == s.cfg.Node.Stamp()
}

// noConn says that there is no connection by a socket id here, and where there may be.
func (s *Server) noConn(socketID string) error {
	if s.cfg.Fleet == nil {
		return errNoConn
	}
	nodes := s.cfg.Fleet.Holding(socketID)
	if len(nodes) == 0 {
		return errNoConn
	}
	at := *errNoConn
	at.code = "on_another_node"
	var names []string
	for i := range nodes {
		names = append(names, nodes[i].Name)
		at.elsewhere = append(at.elsewhere, s.place(&nodes[i], "socket_id", nil))
	}
	at.text = "that is a connection of " + strings.Join(names, " or ")
	return &at
}

func away(err error) error {
	return &refusal{status: http.StatusServiceUnavailable, code: "away", text: "the other nodes cannot be told: " + err.Error(), retry: 1}
}

// closeElsewhere has another node end a connection.
func (s *Server) closeElsewhere(r *http.Request, socketID string, code int) (any, error) {
	err := s.noConn(socketID)
	var at *refusal
	if !errors.As(err, &at) || at.elsewhere == nil {
		return nil, err
	}
	if wait := s.cfg.Fleet.Close(socketID, code); wait != nil {
		if err := wait(); err != nil {
			return nil, away(err)
		}
	}
	names := []string{}
	for _, p := range at.elsewhere {
		names = append(names, p.Name)
	}
	s.cfg.Logger.Info("admin: had a connection closed", "socket_id", socketID, "code", code, "node", names, "by", client(r))
	return map[string]any{"closed": false, "passed_to": names}, nil
}
