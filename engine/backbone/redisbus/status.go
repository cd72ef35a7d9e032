package redisbus

import (
	"strconv"
	"strings"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// Status implements backbone.Bus.
func (b *Bus) Status() backbone.Status {
	version, policy := "", ""
	if b.open.Load() {
		version, policy = b.conn.version, "noeviction"
		if b.conn.evicts != "" {
			policy = b.conn.evicts + ", but it has to be noeviction"
		}
	}
	why := b.health.reason()
	topics := 0
	for _, s := range b.subs {
		s.mu.Lock()
		topics += len(s.wanted)
		s.mu.Unlock()
	}
	b.board.mu.Lock()
	self, nodes, epoch := b.board.self, b.board.nodes, b.board.epoch
	b.board.mu.Unlock()
	place := b.board.place.Load()
	return backbone.Status{
		Driver: "redis", Up: why == "", Reason: why, Self: self, Nodes: nodes,
		Details: []backbone.Detail{
			{Name: "server", Value: strings.Join(b.conn.place.addrs, ",")},
			{Name: "mode", Value: string(b.conn.place.mode)},
			{Name: "version", Value: version},
			{Name: "when full", Value: policy},
			{Name: "prefix", Value: b.config.Prefix},
			{Name: "board", Value: epoch + "-" + strconv.FormatInt(place, 10)},
			{Name: "board behind", Value: strconv.FormatInt(max(0, b.lease.behind.Load()-place), 10)},
			{Name: "answer time", Value: time.Duration(b.lease.took.Load()).Round(time.Microsecond).String()},
			{Name: "topics", Value: strconv.Itoa(topics)},
			{Name: "told too slowly", Value: strconv.FormatUint(b.spills.Load(), 10)},
		},
		In: b.in.Load(), Out: b.out.Load(), BytesIn: b.bytesIn.Load(), BytesOut: b.bytesOut.Load(),
		Entries: b.board.counts.entries.Load(), Reconnects: b.reconnects.Load(), Rejoins: b.board.counts.rejoins.Load(), Refetched: b.refetched.Load(),
		Waiting: int(b.room.messages.Load() + b.waitingPuts.Load()),
	}
}
