package membus

import (
	"maps"
	"slices"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A topicLog is the log of one topic.
type topicLog struct {
	epoch  string
	head   uint64
	stored []backbone.Stored
}

// log returns the log of a topic. Under mu.
func (n *Net) log(topic string) *topicLog {
	l := n.logs[topic]
	if l == nil {
		l = &topicLog{epoch: n.unique("e")}
		n.logs[topic] = l
	}
	return l
}

// add gives a message its place and forgets what keep has no room for.
func (l *topicLog) add(msg []byte, keep backbone.Retention, now time.Time) backbone.Stored {
	l.head++
	e := backbone.Stored{Offset: l.head, At: now.UnixNano(), Message: msg}
	l.stored = append(l.stored, e)
	l.stored = l.stored[l.gone(&keep, now):]
	return e
}

// gone returns how many of the oldest are beyond keep.
func (l *topicLog) gone(keep *backbone.Retention, now time.Time) int {
	i := max(0, len(l.stored)-keep.Events)
	for keep.Age > 0 && i < len(l.stored) && l.stored[i].At <= now.Add(-keep.Age).UnixNano() {
		i++
	}
	return i
}

// tail returns the end of the log within keep; nil: all there is.
func (l *topicLog) tail(keep *backbone.Retention, now time.Time) backbone.Tail {
	first := 0
	if keep != nil {
		first = l.gone(keep, now)
	}
	return backbone.Tail{Epoch: l.epoch, Head: l.head, Stored: append([]backbone.Stored(nil), l.stored[first:]...)}
}

// LoseLog makes the backbone forget a topic's log: it begins anew.
func (n *Net) LoseLog(topic string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loseLog(topic)
}

// LoseLogs makes the backbone forget all logs.
func (n *Net) LoseLogs() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, topic := range slices.Sorted(maps.Keys(n.logs)) {
		n.loseLog(topic)
	}
}

func (n *Net) loseLog(topic string) {
	if n.logs[topic] == nil {
		return
	}
	delete(n.logs, topic)
	for _, b := range n.buses {
		if a := b.attached[topic]; a != nil && a.live && a.keep != nil {
			b.tellAttached(topic, a)
		}
	}
}
