package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/session"
)

// How much of a loop's turn a question takes: so many slots are looked at, or so many subscriptions.
const (
	lookConns         = 256
	lookSubscriptions = 4096
)

// openedAt notes that a conn was opened.
func (l *loop) openedAt(id engine.ID, since time.Duration) {
	slot := int(id.Slot())
	for len(l.opened) <= slot {
		l.opened = append(l.opened, 0)
	}
	l.opened[slot] = uint32(max(since/time.Second, 0))
}

// errStopped says that a loop does not answer any more.
var errStopped = errors.New("gateway: the server is stopping")

// ask returns what f returns on l, or the zero value when l has never had a conn. When ctx ends first f may still run, so it touches
// nothing that the caller goes on with.
func ask[T any](ctx context.Context, l *loop, f func() T) (answer T, err error) {
	if !l.Started() {
		return answer, nil
	}
	done := make(chan T, 1)
	if !l.Post(func() { done <- f() }) {
		return answer, errStopped
	}
	select {
	case answer = <-done:
		return answer, nil
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}

// A look is what one turn of a loop has found.
type look struct {
	conns    []live.Conn
	examined int
	next     uint32
	more     bool
}

// look looks at a slice of a loop's conns.
func (g *Gateway) look(ctx context.Context, l *loop, q live.Query, from uint32, room int) (look, error) {
	return ask(ctx, l, func() look {
		found, work := look{next: from, more: true}, 0
		// A slot at a time, since one conn may have as many subscriptions as all others.
		for found.more && work < lookSubscriptions && len(found.conns) < room {
			work += lookSubscriptions / lookConns
			found.next, found.more = l.Scan(found.next, 1, func(c *engine.Conn) {
				s := sessionOf(c)
				if s == nil {
					return
				}
				found.examined++
				ok, looked := matches(c, s, &q)
				work += looked
				if ok {
					found.conns = append(found.conns, g.fact(l, c, s))
				}
			})
		}
		return found
	})
}

// fact returns what is shown of a conn in a list.
func (g *Gateway) fact(l *loop, c *engine.Conn, s *session.Session) live.Conn {
	bytes, frames, age := c.Waiting()
	f := live.Conn{
		SocketID: s.ID().String(), App: s.App().ID, Address: addressOf(c), User: userOf(s), Subscriptions: s.Subscriptions(),
		BacklogBytes: bytes, BacklogFrames: frames, BacklogAge: age,
		Loop: l.Index(), Secure: c.Secure(),
	}
	if slot := int(c.ID().Slot()); slot < len(l.opened) {
		f.Connected = g.start.Add(time.Duration(l.opened[slot]) * time.Second)
	}
	return f
}

// userOf returns who a session is signed in as, or else is on a presence channel, of the first few.
func userOf(s *session.Session) string {
	if id := s.UserID(); id != "" {
		return id
	}
	looked := 0
	for _, id := range s.Channels() {
		if looked++; id != "" || looked == 32 {
			return id
		}
	}
	return ""
}

// matches reports whether a conn is wanted, and how many of its subscriptions were looked at for that.
func matches(c *engine.Conn, s *session.Session, q *live.Query) (ok bool, looked int) {
	if q.App != "" && s.App().ID != q.App ||
		q.Channel != "" && !s.In(q.Channel) ||
		q.Address != "" && !strings.HasPrefix(addressOf(c), q.Address) {
		return false, 0
	}
	if q.User != "" {
		if ok, looked = hasUser(s, func(id string) bool { return id == q.User }); !ok {
			return false, looked
		}
	}
	if q.Any == "" || strings.HasPrefix(s.ID().String(), q.Any) || strings.HasPrefix(addressOf(c), q.Any) || s.In(q.Any) {
		return true, looked
	}
	ok, more := hasUser(s, func(id string) bool { return strings.Contains(id, q.Any) })
	return ok, looked + more
}

func hasUser(s *session.Session, is func(id string) bool) (ok bool, looked int) {
	if id := s.UserID(); id != "" && is(id) {
		return true, 1
	}
	for _, id := range s.Channels() {
		if looked++; id != "" && is(id) {
			return true, looked
		}
	}
	return false, looked
}

// List implements live.Conns.
func (g *Gateway) List(ctx context.Context, q *live.Query) (live.Page, error) {
	page := live.Page{Complete: true}
	if q.Slowest {
		return page, g.slowest(ctx, q, &page)
	}
	at, from := 0, uint32(0)
	if q.Cursor != "" {
		var ok bool
		if at, from, ok = parseCursor(q.Cursor); !ok {
			return page, live.ErrCursor
		}
	}
	return page, g.walk(ctx, q, &page, at, from, nil)
}

// walk adds conns to page from a place on, those in skip excepted.
func (g *Gateway) walk(ctx context.Context, q *live.Query, page *live.Page, at int, from uint32, skip map[string]bool) error {
	for ; at < len(g.loops); at, from = at+1, 0 {
		for more := true; more; {
			if len(page.Conns) >= q.Limit || page.Examined >= q.Most {
				page.Next, page.Complete = cursor(at, from), len(page.Conns) >= q.Limit
				return nil
			}
			found, err := g.look(ctx, g.loops[at], *q, from, q.Limit+len(skip)-len(page.Conns))
			if errors.Is(err, context.DeadlineExceeded) {
				page.Next, page.Complete = cursor(at, from), false
				return nil
			}
			if err != nil {
				return err
			}
			page.Examined += found.examined
			for _, c := range found.conns {
				if !skip[c.SocketID] && len(page.Conns) < q.Limit {
					page.Conns = append(page.Conns, c)
				}
			}
			from, more = found.next, found.more
		}
	}
	return nil
}

// slowest puts those first that something waits for, then others.
func (g *Gateway) slowest(ctx context.Context, q *live.Query, page *live.Page) error {
	for _, l := range g.loops {
		behind, err := ask(ctx, l, func() []engine.ID { return l.Behind(nil) })
		if err != nil {
			return err
		}
		for part := range slices.Chunk(behind, lookConns) {
			found, err := ask(ctx, l, func() []live.Conn { return g.lookAt(l, *q, part) })
			if err != nil {
				return err
			}
			page.Examined += len(part)
			page.Conns = slowestOf(append(page.Conns, found...), q.Limit)
		}
	}
	skip := make(map[string]bool, len(page.Conns))
	for i := range page.Conns {
		skip[page.Conns[i].SocketID] = true
	}
	err := g.walk(ctx, q, page, 0, 0, skip)
	page.Next = ""
	return err
}

// lookAt looks at the conns that ids name, for such that something waits for. Loop-only.
func (g *Gateway) lookAt(l *loop, q live.Query, ids []engine.ID) (found []live.Conn) {
	for _, id := range ids {
		c := l.Find(id)
		if c == nil || !c.Open() {
			continue
		}
		s := sessionOf(c)
		if bytes, _, _ := c.Waiting(); s == nil || bytes == 0 {
			continue
		}
		if ok, _ := matches(c, s, &q); ok {
			found = append(found, g.fact(l, c, s))
		}
	}
	return found
}

// slowestOf returns the first few by what waits for them.
func slowestOf(conns []live.Conn, limit int) []live.Conn {
	slices.SortFunc(conns, func(a, b live.Conn) int {
		return cmp.Or(cmp.Compare(b.BacklogAge, a.BacklogAge), cmp.Compare(b.BacklogBytes, a.BacklogBytes), strings.Compare(a.SocketID, b.SocketID))
	})
	return conns[:min(len(conns), limit)]
}

func cursor(at int, from uint32) string {
	return strconv.Itoa(at) + "." + strconv.FormatUint(uint64(from), 10)
}

func parseCursor(text string) (at int, from uint32, ok bool) {
	loop, slot, _ := strings.Cut(text, ".")
	n, err1 := strconv.ParseUint(loop, 10, 16)
	m, err2 := strconv.ParseUint(slot, 10, 32)
	return int(n), uint32(m), err1 == nil && err2 == nil
}

// on returns what f returns on the loop of the conn that a socket id names, or the zero value when it is not there.
func on[T any](ctx context.Context, g *Gateway, socketID string, f func(l *loop, c *engine.Conn, s *session.Session) T) (answer T, err error) {
	id := g.cfg.Node.ConnOf(socketID)
	if id == 0 || id.Loop() >= len(g.loops) {
		return answer, nil
	}
	l := g.loops[id.Loop()]
	return ask(ctx, l, func() (none T) {
		c := l.Find(id)
		if c == nil || !c.Open() {
			return none
		}
		// An id that somebody made up may lead to a conn whose name is another.
		if s := sessionOf(c); s != nil && s.ID().String() == socketID {
			return f(l, c, s)
		}
		return none
	})
}

// Look implements live.Conns.
func (g *Gateway) Look(ctx context.Context, socketID string) (*live.Detail, error) {
	d, err := on(ctx, g, socketID, func(l *loop, c *engine.Conn, s *session.Session) *live.Detail {
		d := &live.Detail{Conn: g.fact(l, c, s), Silent: c.Silent(), Compressed: c.Compressed()}
		for name, user := range s.Channels() {
			if d.ChannelsTotal++; len(d.Channels) < lookSubscriptions {
				d.Channels = append(d.Channels, live.Membership{Channel: name, User: user})
			}
		}
		d.Unacked, d.RTT, d.Kernel = c.Kernel()
		if last, ok := l.refused.by[c.ID()]; ok {
			d.LastError = &last
		}
		return d
	})
	if d == nil || err != nil {
		return nil, err
	}
	slices.SortFunc(d.Channels, func(a, b live.Membership) int { return strings.Compare(a.Channel, b.Channel) })
	d.Channels = d.Channels[:min(len(d.Channels), live.MaxChannels)]
	return d, nil
}

// End implements live.Conns.
func (g *Gateway) End(ctx context.Context, socketID string, code int) (bool, error) {
	return on(ctx, g, socketID, func(_ *loop, c *engine.Conn, s *session.Session) bool {
		switch code {
		case pusher.ErrReconnect.Code:
			g.run(c, s, s.Fail(pusher.ErrReconnect, nil))
		case pusher.ErrOverCapacity.Code:
			g.run(c, s, s.Fail(pusher.ErrOverCapacity, nil))
		default:
			g.run(c, s, s.Fail(pusher.ErrTerminated, nil))
		}
		return true
	})
}
