package rest

import (
	"io"
	"iter"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/wire"
)

// listChannels shows the occupied channels.
//
//	GET /apps/{id}/channels?filter_by_prefix=presence-&info=user_count
//	{"channels":{"presence-a":{"user_count":42}}}
//
// The filter is a literal prefix and may hold anything. user_count needs one that only presence
// channels match. subscription_count is not documented for lists; it is there for who asks.
func (s *Server) listChannels(q *request) error {
	want, err := parseAttributes(q.param("info"), userCount|subscriptionCount)
	if err != nil {
		return err
	}
	prefix := q.param("filter_by_prefix")
	if want&userCount != 0 && !strings.HasPrefix(prefix, "presence-") {
		return errUserCountFilter
	}
	if want&subscriptionCount != 0 && !q.app.SubscriptionCount {
		return errNoSubscriptionCount
	}
	list := newChannelList(s.cfg.Node.Channels(q.app, prefix), q.app, want)
	q.out = list.fill(q.out)
	if list.done {
		return nil
	}
	if !q.ctx.Request.Header.IsHTTP11() {
		// It knows no chunks, and needs all at once.
		for !list.done {
			q.out = list.fill(q.out)
		}
		return nil
	}
	list.piece = append([]byte(nil), q.out...) // q is pooled
	q.out, q.stream = q.out[:0], list
	return nil
}

// pieceBytes is how much of a long list is made at a time. What is not longer is an answer of known length.
const pieceBytes = 32 << 10

// A channelList makes the answer of listChannels in pieces, as they are read: an app may have so many channels that the
// whole of it would be a large part of our memory, and a client may take as long as WriteTimeout to read it. It is
// to be closed unless it is done.
type channelList struct {
	app  *app.App
	want attributes
	next func() (string, Counts, bool)
	stop func()

	begun, some, done bool
	piece, room       []byte // not read yet; where the next is made
}

func newChannelList(channels iter.Seq2[string, Counts], a *app.App, want attributes) *channelList {
	l := &channelList{app: a, want: want}
	l.next, l.stop = iter.Pull2(channels)
	return l
}

// fill appends a piece of the list to dst.
func (l *channelList) fill(dst []byte) []byte {
	if !l.begun {
		l.begun = true
		dst = wire.AppendChannelsStart(dst)
	}
	for start := len(dst); len(dst)-start < pieceBytes; {
		name, c, ok := l.next()
		if !ok {
			l.done = true
			return wire.AppendChannelsEnd(dst)
		}
		item := wire.ChannelInfo{Name: name, Info: fill(l.app, c, pusher.KindOf(name), l.want)}
		dst = wire.AppendChannelsItem(dst, &item, !l.some)
		l.some = true
	}
	return dst
}

// Read implements io.Reader.
func (l *channelList) Read(p []byte) (int, error) {
	if len(l.piece) == 0 {
		if l.done {
			return 0, io.EOF
		}
		l.room = l.fill(l.room[:0])
		l.piece = l.room
	}
	n := copy(p, l.piece)
	l.piece = l.piece[n:]
	return n, nil
}

// Close implements io.Closer.
func (l *channelList) Close() error {
	l.stop()
	return nil
}

// showChannel shows one channel.
//
//	GET /apps/{id}/channels/{channel}?info=user_count,subscription_count,cache
//	{"occupied":true,"user_count":42,"subscription_count":42,"cache":{"data":"event data","ttl":60}}
//
// A channel nobody is on is no error: {"occupied":false} and zeros. Asking for what the channel cannot
// have is one. ttl is in whole seconds, rounded up; it is 0 when the app's events stay for ever.
func (s *Server) showChannel(q *request) error {
	if !pusher.ValidChannel(q.name, q.app.Limits.ChannelNameLength) {
		return badChannel(q.name)
	}
	want, err := parseAttributes(q.param("info"), userCount|subscriptionCount|cache)
	if err != nil {
		return err
	}
	kind := pusher.KindOf(q.name)
	switch {
	case want&userCount != 0 && kind&pusher.Presence == 0:
		return errUserCountPresence
	case want&cache != 0 && kind&pusher.Cache == 0:
		return errCacheChannel
	case want&subscriptionCount != 0 && !q.app.SubscriptionCount:
		return errNoSubscriptionCount
	}
	counts := s.cfg.Node.Channel(q.app, q.name)
	var cached *wire.CacheInfo
	if want&cache != 0 {
		if err := s.cfg.Node.Reach(q.app, q.name); err != nil {
			return unreachable(err)
		}
		if token, ttl, ok := s.cfg.Node.Cached(q.app, q.name); ok {
			cached = &wire.CacheInfo{Data: token, TTL: int((ttl + time.Second - 1) / time.Second)}
		}
	}
	q.out = wire.AppendChannel(q.out, counts.Occupied, fill(q.app, counts, kind, want), want&cache != 0, cached)
	return nil
}
