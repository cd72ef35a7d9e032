package gateway

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/allow"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/session"
	"github.com/gannet-io/gannet/pusher/wire"
)

// subprotocol is what the Swift client asks for; it gives up unless the server selects it.
const subprotocol = "pusher-channels-protocol-7"

// The protocol versions served, all as version 7: the Java and .NET clients say 5.
const (
	minProtocol = 4
	maxProtocol = 7
)

// errHost answers a handshake for a host that is not on Config.Hosts. It is meant for somebody else, or
// a page makes a browser believe that we are its own server.
var errHost = &handshake.Error{Status: 421, Reason: "host_not_allowed", Message: "this server does not answer for that host"}

// Upgrade implements engine.Handler. It accepts every handshake for one of our hosts; whom it does
// not want hears so in Open.
func (g *Gateway) Upgrade(c *engine.Conn, r *handshake.Request) (string, *handshake.Error) {
	if !allow.Host(g.cfg.Hosts, string(r.Host)) {
		return "", errHost
	}
	open := g.conns.Add(1)
	a, refusal := g.admit(r)
	if g.cfg.RequireTLS && !c.Secure() {
		refusal = pusher.ErrTLSRequired // whatever else is wrong
	}
	if refusal == nil && c.Crowded() {
		refusal = pusher.ErrCrowded
	}
	if refusal == nil && g.cfg.MaxConns > 0 && open > int64(g.cfg.MaxConns) {
		refusal = pusher.ErrOverCapacity
	}
	if a != nil {
		c.Tag = uint64(g.cfg.Node.Account(a))
	}
	if c.Data = a; refusal != nil {
		c.Data = refusal
	} else if wantsNotices(string(r.Query)) {
		c.WantNotices()
	}
	if r.Offers(subprotocol) {
		return subprotocol, nil
	}
	return "", nil
}

// Open implements engine.Handler.
func (g *Gateway) Open(c *engine.Conn) {
	if err, ok := c.Data.(*pusher.Error); ok {
		g.counted(c, err.Reason)
		f := frame.Prepare(frame.Text, wire.AppendError(frame.NewBuffer(len(err.Message)+64), err.Code, err.Message))
		g.cfg.Hub.Queued(c.Loop(), uint32(c.Tag), f.Len())
		c.Close(frame.CloseCode(err.Code), err.Message, f)
		return
	}
	now := g.cfg.Now()
	s := session.New(c.Data.(*app.App), g.cfg.Node.SocketID(c.ID()), now)
	c.Data = s
	setTimer(c, s, now)
	l := g.loops[c.Loop().Index()]
	l.openedAt(c.ID(), now.Sub(g.start))
	actions := s.Open(g.activity, l.actions[:0])
	g.run(c, s, actions)
	clear(actions)
	l.actions = actions
	if c.Open() {
		g.metrics.established.Inc()
		g.tellConn(live.Connect, c, s)
	}
}

// admit finds the app that a handshake is for, nil when there is none, and says whether it may come in.
func (g *Gateway) admit(r *handshake.Request) (*app.App, *pusher.Error) {
	key, ok := g.key(string(r.Path))
	if !ok {
		return nil, pusher.ErrPathNotFound
	}
	a, err := g.cfg.Apps.ByKey(context.Background(), key)
	if err != nil {
		if !errors.Is(err, app.ErrNotFound) {
			g.cfg.Log.Error("look an app up", "err", err)
			return nil, pusher.ErrOverCapacity // not the client's fault: let it come back
		}
		return nil, pusher.ErrAppNotFound(key)
	}
	if !a.Enabled {
		return a, pusher.ErrAppDisabled
	}
	if !allow.Origin(a.Origins, string(r.Origin)) {
		return a, pusher.ErrOriginNotAllowed
	}
	return a, checkVersion(string(r.Query), g.cfg.StrictProtocol)
}

// key returns the app key in a path of the form {prefix}/app/{key}.
func (g *Gateway) key(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, g.cfg.PathPrefix+"/app/")
	if !ok {
		return "", false
	}
	rest = strings.TrimSuffix(rest, "/")
	if rest == "" || strings.Contains(rest, "/") {
		return "", false
	}
	key, err := url.PathUnescape(rest)
	return key, err == nil
}

// checkVersion judges the query parameters protocol and version. Unknown parameters are
// ignored, as pusher-js sends leftovers.
func checkVersion(query string, strict bool) *pusher.Error {
	protocol, version := "", ""
	for pair := range strings.SplitSeq(query, "&") {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "protocol":
			protocol = unescape(value)
		case "version":
			version = unescape(value)
		}
	}
	if !validVersion(version) {
		return pusher.ErrBadVersion
	}
	if protocol == "" {
		if strict {
			return pusher.ErrNoProtocol
		}
		return nil
	}
	n, err := strconv.ParseInt(protocol, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return pusher.ErrUnsupportedProtocol // a number all the same
	case err != nil:
		return pusher.ErrBadVersion
	case n < minProtocol || n > maxProtocol:
		return pusher.ErrUnsupportedProtocol
	}
	return nil
}

// wantsNotices reports whether a client says that it understands what is told of positions: resume.js does so for a stock
// client, and other servers take no notice.
func wantsNotices(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "resume=1" {
			return true
		}
	}
	return false
}

// unescape decodes a query value, of which a version has little to decode: the plus sign, which
// a library that escapes it would lose otherwise, and one that does not must keep. What is
// escaped wrongly stays as it is, for validVersion to refuse.
func unescape(value string) string {
	if text, err := url.PathUnescape(value); err == nil {
		return text
	}
	return value
}

// validVersion accepts nothing, or what may be the version of some library: letters, digits
// and the marks of semantic versions, 64 at most.
func validVersion(v string) bool {
	const legal = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+_"
	return len(v) <= 64 && strings.Trim(v, legal) == ""
}
