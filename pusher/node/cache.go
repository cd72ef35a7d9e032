package node

import (
	"time"

	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher/app"
)

// A cache adds up what the cache channels of one app hold, the oldest first. Guarded by the
// tenant's lock, which is taken under that of a topic and never the other way round.
type cache struct {
	bytes int
	live  map[string]struct{} // topic keys that hold an event
	order []string            // the same by age; those not in live any more go when they come to the front
}

func (c *cache) add(key string) {
	if c.live == nil {
		c.live = make(map[string]struct{})
	}
	c.live[key] = struct{}{}
	c.order = append(c.order, key)
}

func (c *cache) remove(key string, bytes int) {
	delete(c.live, key)
	c.bytes -= bytes
	c.skip()
}

// skip drops what is gone from the front.
func (c *cache) skip() {
	for len(c.order) > 0 {
		if _, ok := c.live[c.order[0]]; ok {
			return
		}
		c.order = c.order[1:]
	}
	c.order = nil
}

// store keeps ev, which was published now, as the channel's last event, and the topic with it until it expires. It
// returns what all cache channels of the app hold now.
func (n *Node) store(t *hub.Topic, p *place, a *app.App, ev *Event, now time.Time) (bytes int) {
	owner := n.tenant(a)
	before := p.CacheBytes()
	p.Store(ev.Name, ev.Data, now, a.Limits.CacheTTL)
	owner.mu.Lock()
	defer owner.mu.Unlock()
	owner.cache.bytes += p.CacheBytes() - before
	n.keep(t, p)
	if before == 0 {
		owner.cache.add(t.Key())
		n.expireLater(owner, t.Key(), a.Limits.CacheTTL, now)
	}
	return owner.cache.bytes
}

// expireLater looks at a cache channel again when its event has expired. A newer event only
// postpones that, so that publishing sets no timer.
func (n *Node) expireLater(owner *tenant, key string, ttl time.Duration, now time.Time) {
	if ttl > 0 {
		n.chores.later(choreCache+key, now.Add(ttl), func() { n.expire(owner, key) })
	}
}

func (n *Node) expire(owner *tenant, key string) {
	defer shared()
	t := n.hub.Find([]byte(key))
	if t == nil {
		return
	}
	defer n.hub.Release(t)
	now := n.now()
	if p, ok := t.State.(*place); ok && p.CacheBytes() > 0 {
		if _, _, ttl, ok := p.Cached(now); ok {
			n.expireLater(owner, key, ttl, now)
			return
		}
		n.forget(owner, t, p)
	}
}

// forget lets go of the event that t holds.
func (n *Node) forget(owner *tenant, t *hub.Topic, p *place) {
	owner.mu.Lock()
	owner.cache.remove(t.Key(), p.CacheBytes())
	owner.mu.Unlock()
	p.Forget()
	n.keep(t, p)
}

// trimCache lets go of the oldest events of an app until the rest is within limit: whoever
// publishes chooses the channels, and must not be able to fill the memory with them.
func (n *Node) trimCache(owner *tenant, limit int) {
	for {
		owner.mu.Lock()
		if owner.cache.bytes <= limit || len(owner.cache.order) == 0 {
			owner.mu.Unlock()
			return
		}
		key := owner.cache.order[0]
		owner.mu.Unlock()
		n.evict(owner, key)
	}
}

func (n *Node) evict(owner *tenant, key string) {
	t := n.hub.Find([]byte(key))
	if t == nil {
		return // forgotten by another at this moment
	}
	defer n.hub.Release(t)
	if p, ok := t.State.(*place); ok && p.CacheBytes() > 0 {
		n.forget(owner, t, p)
		n.metrics.evictions.Inc()
	}
}

// cacheBytes returns what all cache channels of the app hold.
func (n *Node) cacheBytes(a *app.App) int {
	owner := n.tenant(a)
	owner.mu.Lock()
	defer owner.mu.Unlock()
	return owner.cache.bytes
}
