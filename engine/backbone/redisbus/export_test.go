package redisbus

import (
	"context"
	"crypto/tls"
	"net"
)

// Dial has b connect by dial. Before Start.
func (b *Bus) Dial(dial func(ctx context.Context, addr string) (net.Conn, error)) {
	b.conn.place.option.DialCtxFn = func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
		return dial(ctx, addr)
	}
}

// KeepChanges has b keep fewer changes of the board. Before Start.
func (b *Bus) KeepChanges(n int) { b.keep = n }

// What tests need to know of keys, and of what comes.
var ParseRecord = parseRecord

func MetaKey(prefix, topic string) string   { return (&keys{prefix: prefix}).meta(topic) }
func StreamKey(prefix, topic string) string { return (&keys{prefix: prefix}).stream(topic) }
