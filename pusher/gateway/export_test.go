package gateway

import "github.com/gannet-io/gannet/engine"

var (
	CheckVersion = checkVersion
)

// Key reads the app key out of a path.
func (g *Gateway) Key(path string) (string, bool) { return g.key(path) }

// Replays returns how many conns of a loop are being sent the past. Loop-only.
func (g *Gateway) Replays(l *engine.Loop) int { return len(g.loops[l.Index()].replays) }
