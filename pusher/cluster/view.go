package cluster

import (
	"iter"

	"github.com/gannet-io/gannet/pusher/ledger"
)

// What follows is asked under the lock of the topic or app that it is about, which keeps it from changing meanwhile, or without any lock for an answer that is good for a moment.
// None of it may be asked from within the loop over another. Any goroutine.

// Elsewhere returns how many connections are subscribed to a topic on other nodes.
func (m *Member) Elsewhere(topic string) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.Elsewhere(topic)
}

// Total returns how many connections are subscribed to a topic on all nodes, as the board has it.
func (m *Member) Total(topic string) (count int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.Total(topic)
}

// MemberElsewhere reports whether a user is a member of a topic on another node.
func (m *Member) MemberElsewhere(topic, user string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.MemberElsewhere(topic, user)
}

// MembersElsewhere yields the members of a topic on other nodes with their info, which is empty when they have none.
func (m *Member) MembersElsewhere(topic string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		m.mu.RLock()
		defer m.mu.RUnlock()
		m.ledger.MembersElsewhere(topic)(yield)
	}
}

// OnlineElsewhere reports whether a user is signed in to an app on another node.
func (m *Member) OnlineElsewhere(app, user string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.OnlineElsewhere(app, user)
}

// Online reports whether the board says that a user is signed in to an app, on any node.
func (m *Member) Online(app, user string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.Online(app, user)
}

// Leads reports whether this node tells who is to be told once. Any goroutine.
func (m *Member) Leads() bool { return m.leads.Load() }

// Nodes returns the incarnations that are on the board, the longest first.
func (m *Member) Nodes() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.Nodes()
}

// Occupied returns the topics of one of ledger.Shards shards that begin with prefix and have connections on other nodes.
func (m *Member) Occupied(shard int, prefix string) []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.Occupied(nil, shard, prefix)
}

// Holders returns the other incarnations that have connections subscribed to a topic, and how many.
func (m *Member) Holders(topic string) []ledger.Holder {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.Holders(topic)
}

// StaysElsewhere adds to found the other incarnations on which a user is a member of topics, of one of ledger.Shards shards, that begin with prefix: of how many.
func (m *Member) StaysElsewhere(found map[string]int, shard int, prefix, user string) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.ledger.Stays(found, shard, prefix, user)
}

// SignedElsewhere adds to found, with 1 each, the other incarnations on which a user is signed in to an app, as far as the board has that.
func (m *Member) SignedElsewhere(found map[string]int, app, user string) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.ledger.Signed(found, app, user)
}

// Entries returns how many entries the board has.
func (m *Member) Entries() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.Entries()
}
