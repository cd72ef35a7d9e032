package node

import (
	"hash/maphash"
	"math"

	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/trace"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A place is all there is to a channel on this node; its topic carries it. Guarded by the topic's lock.
type place struct {
	channel.State

	ruled *ruled // what the channel has because of its rule; nil: nothing
	link  *link  // what it has of the cluster; nil while the node is alone
}

// ruled is what few channels have. The rule was looked up when the place was made.
type ruled struct {
	rule   *app.Rule      // shared
	flow   *frame.Flow    // nil when slow clients are to get everything, or nothing more
	stream history.Stream // nil when the rule keeps nothing

	epoch   string // of the stream, and what the flow says
	owner   *tenant
	holding holding // what the stream holds, in the owner's accounts
	ages    bool    // events get too old
	used    int64   // Unix nanoseconds at which somebody last came, left or published; 0: forget it
	due     bool    // a chore is going to look for what is too old
	draft   history.Draft
	span    *trace.Span // of the draft; nil: it is not traced
}

// placeOf returns the place that t carries, made when t is new.
func (n *Node) placeOf(t *hub.Topic, a *app.App, name string, kind pusher.Kind) *place {
	p, ok := t.State.(*place)
	if !ok {
		p = &place{State: channel.Make(kind)}
		if rule := a.Rule(name); rule != nil && (keeps(rule) || rule.Slow != app.Disconnect) {
			p.ruled = &ruled{
				rule: rule, owner: n.tenant(a),
				ages: rule.History.TTL > 0 || rule.KeyedCache && a.Limits.CacheTTL > 0,
			}
			if keeps(rule) && n.bus == nil {
				p.ruled.stream = n.openStream(t, a, p, name)
				p.ruled.epoch = p.ruled.stream.Head().Epoch
			}
			p.ruled.flow = newFlow(p.ruled, name)
		}
		if n.bus != nil {
			p.link = n.newLink(t, a, p, name)
			if p.ruled != nil && keeps(p.ruled.rule) {
				p.ruled.stream = p.link.log
			}
		}
		t.State = p
		t.Account = n.tenant(a).account
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

// newFlow returns the flow of a channel's events, nil when none of them may be left out.
func newFlow(r *ruled, name string) *frame.Flow {
	f := &frame.Flow{High: r.rule.HighWater, Low: r.rule.LowWater}
	if f.High == 0 {
		f.High = math.MaxInt
	}
	switch r.rule.Slow {
	case app.Conflate:
		f.Policy = frame.Conflate
	case app.DropOldest:
		f.Policy = frame.DropOldest
	default:
		return nil
	}
	epoch := r.epoch
	f.Notice = func(skipped int, offset uint64) *frame.Prepared {
		buf := frame.NewBuffer(len(name) + 128)
		if !r.rule.History.On() {
			return text(wire.AppendPosition[history.Position](buf, name, nil, skipped))
		}
		return text(wire.AppendPosition(buf, name, &history.Position{Epoch: epoch, Offset: offset}, skipped))
	}
	return frame.NewFlow(f)
}

// seal makes the frame of an event; offset is 0 where events have none.
func (r *ruled) seal(payload []byte, key, offset uint64) *frame.Prepared {
	if r.flow == nil {
		return text(payload)
	}
	return frame.PrepareFlow(frame.Text, payload, r.flow, key, offset)
}

// keyOf returns what stands for the key of an event of the given name.
func (n *Node) keyOf(r *app.Rule, name string) uint64 {
	if r.Key == app.ByChannel {
		return 1
	}
	return maphash.String(n.keys, name)
}
