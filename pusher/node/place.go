package node

import (
	"hash/maphash"

	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
)

// A place is all there is to a channel on this node; its topic carries it. Guarded by the topic's lock.
type place struct {
	channel.State

	ruled *ruled // what the channel has because of its rule; nil: nothing
}

// ruled is what few channels have. The rule was looked up when the place was made.
type ruled struct {
	rule   *app.Rule      // shared
	stream history.Stream // nil when the rule keeps nothing

	owner   *tenant
	holding holding // what the stream holds, in the owner's accounts
	ages    bool    // events get too old
	used    int64   // Unix nanoseconds at which somebody last came, left or published; 0: forget it
	due     bool    // a chore is going to look for what is too old
	draft   history.Draft
}

// placeOf returns the place that t carries, made when t is new.
func (n *Node) placeOf(t *hub.Topic, a *app.App, name string, kind pusher.Kind) *place {
	p, ok := t.State.(*place)
	if !ok {
		p = &place{State: channel.Make(kind)}
		if rule := a.Rule(name); rule != nil && keeps(rule) {
			p.ruled = &ruled{
				rule: rule, owner: n.tenant(a),
				ages: rule.History.TTL > 0 || rule.KeyedCache && a.Limits.CacheTTL > 0,
			}
			p.ruled.stream = n.openStream(t, a, p, name)
		}
		t.State = p
	}
	return p
}

// foundPlace returns the place of a topic that somebody is in.
func foundPlace(t *hub.Topic) *place { return t.State.(*place) }

// keeps reports whether channels of a rule have a stream.
func keeps(r *app.Rule) bool { return r.History.On() || r.KeyedCache }

// streamed returns the ruled part of a place with a stream, else nil.
func (p *place) streamed() *ruled {
	if p.ruled == nil || p.ruled.stream == nil {
		return nil
	}
	return p.ruled
}

// hasHistory reports whether events of the channel have positions.
func (p *place) hasHistory() bool { return p.ruled != nil && p.ruled.rule.History.On() }

// keyOf returns what stands for the key of an event of the given name.
func (n *Node) keyOf(r *app.Rule, name string) uint64 {
	if r.Key == app.ByChannel {
		return 1
	}
	return maphash.String(n.keys, name)
}
