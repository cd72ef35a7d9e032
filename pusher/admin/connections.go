package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/live"
)

const (
	askTimeout   = 5 * time.Second
	mostExamined = 200_000
)

type connView struct {
	SocketID      string  `json:"socket_id"`
	App           string  `json:"app"`
	Address       string  `json:"address"`
	User          string  `json:"user"`
	Subscriptions int     `json:"subscriptions"`
	BacklogBytes  int     `json:"backlog_bytes"`
	BacklogFrames int     `json:"backlog_frames"`
	BacklogAge    float64 `json:"backlog_age_ms"`
	Connected     string  `json:"connected"`
	Loop          int     `json:"loop"`
	Secure        bool    `json:"secure"`
}

func viewConn(c *live.Conn) connView {
	return connView{
		SocketID: c.SocketID, App: c.App, Address: c.Address, User: c.User, Subscriptions: c.Subscriptions,
		BacklogBytes: c.BacklogBytes, BacklogFrames: c.BacklogFrames, BacklogAge: milliseconds(c.BacklogAge),
		Connected: moment(c.Connected), Loop: c.Loop, Secure: c.Secure,
	}
}

func (s *Server) listConnections(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := parse(r, "app", "socket_id", "address", "user", "channel", "q", "order", "cursor", "limit")
	if err != nil {
		return nil, err
	}
	want := live.Query{
		App: q.text("app"), Address: q.text("address"), User: q.text("user"), Channel: q.text("channel"), Any: q.text("q"), Cursor: q.text("cursor"),
		Slowest: q.word("order", "slowest", "any") == "slowest", Limit: q.number("limit", 1, 500, 50), Most: mostExamined,
	}
	switch {
	case q.err != nil:
		return nil, q.err
	case want.Cursor != "" && want.Slowest:
		return nil, badRequest("bad_cursor", "there are no pages with order=slowest")
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	page := live.Page{Complete: true}
	if id := q.text("socket_id"); id != "" {
		d, err := s.cfg.Conns.Look(ctx, id)
		if err != nil {
			return nil, unanswered(err)
		}
		if page.Examined = 1; d != nil && (want.App == "" || want.App == d.App) {
			page.Conns = []live.Conn{d.Conn}
		}
	} else {
		if err := s.scans.enter(ctx); err != nil {
			return nil, err
		}
		defer s.scans.leave()
		page, err = s.cfg.Conns.List(ctx, &want)
		if errors.Is(err, live.ErrCursor) {
			return nil, badRequest("bad_cursor", "cursor must be the next of a page")
		}
		if err != nil {
			return nil, unanswered(err)
		}
	}
	views := make([]connView, 0, len(page.Conns))
	for i := range page.Conns {
		views = append(views, viewConn(&page.Conns[i]))
	}
	var next *string
	if page.Next != "" {
		next = &page.Next
	}
	answer := map[string]any{"connections": views, "next": next, "examined": page.Examined, "complete": page.Complete}
	if s.cfg.Fleet != nil {
		answer["elsewhere"] = s.elsewhere(&want, q.text("socket_id"))
	}
	return answer, nil
}

// unanswered says that loops have not answered, because they are busy or end.
func unanswered(err error) error {
	return &refusal{status: http.StatusServiceUnavailable, code: "no_answer", text: "the loops have not answered: " + err.Error(), retry: 1}
}

var errNoConn = &refusal{status: http.StatusNotFound, code: "no_such_connection", text: "there is no such connection on this node"}

type membershipView struct {
	Name string `json:"name"`
	User string `json:"user"`
}

type errorView struct {
	Time    string `json:"time"`
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func (s *Server) showConnection(_ http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := parse(r); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	d, err := s.cfg.Conns.Look(ctx, r.PathValue("socket_id"))
	switch {
	case err != nil:
		return nil, unanswered(err)
	case d == nil:
		return nil, s.noConn(r.PathValue("socket_id"))
	}
	v := struct {
		connView
		Channels      []membershipView `json:"channels"`
		ChannelsTotal int              `json:"channels_total"`
		Silent        float64          `json:"silent_ms"`
		Compressed    bool             `json:"compressed"`
		Kernel        *int             `json:"kernel_bytes"`
		RTT           *float64         `json:"rtt_ms"`
		LastError     *errorView       `json:"last_error"`
	}{connView: viewConn(&d.Conn), Channels: []membershipView{}, ChannelsTotal: d.ChannelsTotal, Silent: milliseconds(d.Silent), Compressed: d.Compressed}
	for _, c := range d.Channels {
		v.Channels = append(v.Channels, membershipView{c.Channel, c.User})
	}
	if d.Kernel {
		rtt := milliseconds(d.RTT)
		v.Kernel, v.RTT = &d.Unacked, &rtt
	}
	if e := d.LastError; e != nil {
		v.LastError = &errorView{moment(e.At), e.Code, e.Reason, e.Message}
	}
	return map[string]any{"connection": v}, nil
}

func (s *Server) closeConnection(_ http.ResponseWriter, r *http.Request) (any, error) {
	given := struct {
		Code int `json:"code"`
	}{pusher.ErrTerminated.Code}
	if err := read(r, &given); err != nil {
		return nil, err
	}
	switch given.Code {
	case pusher.ErrTerminated.Code, pusher.ErrOverCapacity.Code, pusher.ErrReconnect.Code:
	default:
		return nil, badRequest("bad_code", "code must be 4009, 4100 or 4200")
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	id := r.PathValue("socket_id")
	ended, err := s.cfg.Conns.End(ctx, id, given.Code)
	switch {
	case err != nil:
		return nil, unanswered(err)
	case !ended:
		return s.closeElsewhere(r, id, given.Code)
	}
	s.cfg.Logger.Info("admin: closed a connection", "socket_id", id, "code", given.Code, "by", client(r))
	return map[string]bool{"closed": true}, nil
}

// terminateUser ends what is signed in as a user, on all nodes, as the HTTP API's path of the same name does.
func (s *Server) terminateUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := s.app(r)
	if err != nil {
		return nil, err
	}
	if err := read(r, &struct{}{}); err != nil {
		return nil, err
	}
	user := r.PathValue("user")
	if !pusher.ValidUserID(user, a.Limits.UserIDLength) {
		return nil, badRequest("bad_user", "that is no user's id")
	}
	s.cfg.Logger.Info("admin: had the connections of a user closed", "app", a.ID, "user", user, "by", client(r))
	if err := s.cfg.Node.Terminate(a, user); err != nil {
		return nil, away(err)
	}
	return map[string]bool{"terminated": true}, nil
}

// scans lets one question at a time go through all connections or channels.
type scans chan struct{}

func (s scans) enter(ctx context.Context) error {
	timer := time.NewTimer(askTimeout)
	defer timer.Stop()
	select {
	case s <- struct{}{}:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return &refusal{status: http.StatusServiceUnavailable, code: "busy", text: "others are asking questions as large, try again", retry: 1}
}

func (s scans) leave() { <-s }
