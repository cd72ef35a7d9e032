package node

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/ledger"
)

// What operators ask. No lock is held longer than for one channel.

// A Sight is what there is to see of a channel.
type Sight struct {
	Name        string
	Kind        pusher.Kind
	Subscribers int
	Members     int    // distinct users, presence channels only
	Kept        bool   // it has a history
	Head        string // position of its newest event; "" when nothing is known of one
	Rule        string // Match of the rule that counts; "": none
}

// Sight looks at one channel, which need not exist. Any goroutine.
func (n *Node) Sight(a *app.App, name string) Sight {
	c := n.Channel(a, name)
	s := Sight{Name: name, Kind: pusher.KindOf(name), Subscribers: c.Subscriptions, Members: c.Users}
	if rule := a.Rule(name); rule != nil {
		s.Rule, s.Kept = rule.Match, rule.History.On()
	}
	if s.Kept {
		n.find(a, name, func(_ *hub.Topic, p *place) {
			if p.hasHistory() && p.ruled.stream != nil {
				s.Head = p.ruled.stream.Head().String()
			}
		})
	}
	return s
}

// Names yields the names of the channels of an app that somebody is on or that keep something, those of users among them, in any
// order and mostly once. No lock is held meanwhile. Any goroutine.
func (n *Node) Names(a *app.App) iter.Seq[string] {
	return func(yield func(string) bool) {
		for id, name := range n.placeKeys(a.ID + "/") {
			if id == a.ID && !yield(name) {
				return
			}
		}
	}
}

// CountNames returns how many channels each app has, by its id. Any goroutine.
func (n *Node) CountNames() map[string]int {
	counts := make(map[string]int)
	for id := range n.placeKeys("") {
		counts[id]++
	}
	return counts
}

// placeKeys yields the app and name of every channel whose key begins with prefix.
func (n *Node) placeKeys(prefix string) iter.Seq2[string, string] {
	return func(yield func(app, name string) bool) {
		more := true
		give := func(key string) bool {
			// An app's id has no slash, and neither has a name.
			if id, name, ok := strings.Cut(key, "/"); ok && strings.HasPrefix(key, prefix) {
				more = yield(id, name)
			}
			return more
		}
		n.hub.Keys(give)
		for shard := 0; n.member != nil && shard < ledger.Shards && more; shard++ {
			for _, key := range n.member.Occupied(shard, prefix) {
				here := false
				n.findKey(key, func(*hub.Topic, *place) { here = true })
				if !here && !give(key) {
					return
				}
			}
		}
	}
}

// A Presence is a member of a presence channel.
type Presence struct {
	ID          string
	Connections int    // on this node
	Info        []byte // JSON, shared; nil: none
}

// Members returns the first members of a presence channel behind an id, by their ids, and whether there are more. Any goroutine.
func (n *Node) Members(a *app.App, name, after string, limit int) (members []Presence, more bool) {
	take := func(all iter.Seq2[string, []byte], conns func(id string) int) {
		for id, info := range all {
			if id <= after {
				continue
			}
			members = append(members, Presence{id, conns(id), info})
			if len(members) > 2*limit {
				members = firstOf(members, limit+1)
			}
		}
	}
	here := false
	n.find(a, name, func(t *hub.Topic, p *place) {
		here = true
		take(n.members(t.Key(), &p.State), p.Conns)
	})
	if !here && n.member != nil {
		var room [keyBytes]byte
		key := string(appendKey(room[:0], a, name))
		take(n.members(key, channel.New(pusher.KindOf(name))), func(string) int { return 0 })
	}
	members = firstOf(members, limit+1)
	more = len(members) > limit
	return members[:min(len(members), limit)], more
}

// HoldersOf returns the other nodes, by their incarnations, that have connections subscribed to a channel, and how many. Any goroutine.
func (n *Node) HoldersOf(a *app.App, name string) []ledger.Holder {
	if n.member == nil {
		return nil
	}
	var room [keyBytes]byte
	return n.member.Holders(string(appendKey(room[:0], a, name)))
}

// First reports whether no node has been in the cluster for longer than this one, as it is for one that is alone. For a moment two may be, or none. Any goroutine.
func (n *Node) First() bool {
	return n.member == nil || n.member.Leads()
}

// UserElsewhere adds to found the other nodes, by their incarnations, on which a user of apps is a member of channels, or signed in as far as
// the board has that, which it has where an app has a watchlist. It goes through all presence channels of other nodes, a part at a time. Any goroutine.
func (n *Node) UserElsewhere(found map[string]int, apps []*app.App, userID string) {
	if n.member == nil {
		return
	}
	prefix := "" // any app's
	if len(apps) == 1 {
		prefix = apps[0].ID + "/"
	}
	for _, a := range apps {
		n.member.SignedElsewhere(found, a.ID, userID)
	}
	for shard := range ledger.Shards {
		n.member.StaysElsewhere(found, shard, prefix, userID)
	}
}

func firstOf(members []Presence, limit int) []Presence {
	slices.SortFunc(members, func(a, b Presence) int { return cmp.Compare(a.ID, b.ID) })
	return members[:min(len(members), limit)]
}

// CachedEvent is Cached with the event's name.
func (n *Node) CachedEvent(a *app.App, name string) (event string, token []byte, seconds int, ok bool) {
	n.find(a, name, func(_ *hub.Topic, p *place) {
		e, data, ttl, good := p.Cached(n.now())
		event, token, seconds, ok = e, data, int(ttl.Seconds()), good
	})
	return event, token, seconds, ok
}

// A Usage is what an app uses on this node.
type Usage struct {
	Connections, Users       int
	HistoryBytes, CacheBytes int
	Traffic
}

// Usage returns what an app uses. Any goroutine.
func (n *Node) Usage(a *app.App) (u Usage) {
	t := n.tenant(a)
	t.mu.Lock()
	u.Connections, u.Users, u.CacheBytes = t.conns.Count(), t.users.SignedIn(), t.cache.bytes
	t.mu.Unlock()
	t.past.mu.Lock()
	u.HistoryBytes = t.past.bytes
	t.past.mu.Unlock()
	u.Traffic = n.Traffic(a)
	return u
}
