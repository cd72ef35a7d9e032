package journal

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/gannet-io/gannet/pusher/webhook/outbox"
)

// Memory keeps dead letters until the process ends. Make it with NewMemory.
type Memory struct {
	bounds Bounds

	mu    sync.Mutex
	dead  []*outbox.Dead // in the order of death; guarded by mu
	bytes int            // guarded by mu
}

// NewMemory returns an empty journal that lives in memory.
func NewMemory(b Bounds) *Memory { return &Memory{bounds: b} }

// Durable implements Journal: it is not.
func (m *Memory) Durable() bool { return false }

// Load implements Journal: there is never anything.
func (m *Memory) Load() (*Contents, error) { return &Contents{Instance: newInstance()}, nil }

// newInstance returns a name that nobody else has.
func newInstance() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Commit implements Journal.
func (m *Memory) Commit(c *outbox.Changes, now time.Time) (dropped int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(c.Revive)
	for _, d := range c.Bury {
		// A copy of what it says: the batch itself is still part of its queue's past.
		b := &outbox.Batch{Seq: d.Seq, App: d.App, Webhook: d.Webhook, Created: d.Created, Events: d.Events, Count: d.Count, Channels: d.Channels, Attempts: d.Attempts}
		m.dead = append(m.dead, &outbox.Dead{Batch: b, Reason: d.Reason, At: d.At})
		m.bytes += size(b)
	}
	for len(m.dead) > 0 && m.bounds.exceeded(m.bytes, m.dead[0].At, now) {
		m.bytes -= size(m.dead[0].Batch)
		m.dead[0] = nil
		m.dead = m.dead[1:]
		dropped++
	}
	return dropped, nil
}

func size(b *outbox.Batch) int { return len(b.Events) + 256 + 32*len(b.Channels) }

// remove forgets letters, and returns how many there were. Guarded by mu.
func (m *Memory) remove(seqs []uint64) (n int) {
	if len(seqs) == 0 {
		return 0
	}
	gone := make(map[uint64]bool, len(seqs))
	for _, seq := range seqs {
		gone[seq] = true
	}
	m.dead = slices.DeleteFunc(m.dead, func(d *outbox.Dead) bool {
		if !gone[d.Seq] {
			return false
		}
		n++
		m.bytes -= size(d.Batch)
		return true
	})
	return n
}

// Dead implements Journal.
func (m *Memory) Dead(q Query) ([]*outbox.Dead, error) {
	m.mu.Lock()
	all := slices.Clone(m.dead)
	m.mu.Unlock()
	all = slices.DeleteFunc(all, func(d *outbox.Dead) bool { return !q.wants(d) })
	slices.SortFunc(all, func(a, b *outbox.Dead) int {
		if a.Seq > b.Seq {
			return -1
		}
		return 1
	})
	if q.Limit > 0 && len(all) > q.Limit {
		all = all[:q.Limit]
	}
	return all, nil
}

// Discard implements Journal.
func (m *Memory) Discard(seqs []uint64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.remove(seqs), nil
}

// Kept implements Journal.
func (m *Memory) Kept() (letters, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.dead), m.bytes
}

// Close implements Journal.
func (m *Memory) Close() error { return nil }
