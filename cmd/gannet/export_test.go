package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/fleet"
)

// Run runs a command line as main does, with what it says on either stream.
func Run(ctx context.Context, in string, environ []string, out, errOut io.Writer, args ...string) (code int) {
	return run(&terminal{ctx: ctx, in: strings.NewReader(in), out: out, errOut: errOut, environ: environ}, args)
}

var (
	At             = at
	ListenOn       = listenOn
	Nearest        = nearest
	ReconnectAfter = reconnectAfter
	WriteBanner    = writeBanner
	FormatDuration = formatDuration
	FormatBytes    = formatBytes
	Printable      = printable
)

// FlagPaths returns the paths that have a flag of serve.
func FlagPaths() []string {
	var paths []string
	for path := range new(serveCommand).flags() {
		paths = append(paths, path)
	}
	return paths
}

// SetVersion sets what the linker would.
func SetVersion(v, c string) (restore func()) {
	oldVersion, oldCommit := version, commit
	version, commit = v, c
	return func() { version, commit = oldVersion, oldCommit }
}

var (
	ParseCPUs   = parseCPUs
	FormatCPUs  = formatCPUs
	MemoryTotal = memoryTotal
	ReadMemory  = readMemory
)

// ApplyMemory sets the collector up and returns what it is set to.
func (c *Config) ApplyMemory() (percent int, limit int64, err error) {
	if err := c.applyMemory(slog.New(slog.DiscardHandler)); err != nil {
		return 0, 0, err
	}
	percent = debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent, debug.SetMemoryLimit(-1), nil
}

// Memory is what a look of a reclaimer sees.
type Memory struct{ Allocated, Live, Objects, Idle, Unused uint64 }

// NewReclaimer returns a reclaimer's look: it sees what see points at.
func NewReclaimer(see *Memory, conns *int) (look func(now time.Time) bool) {
	r := reclaimer{
		conns: func() int { return *conns },
		read:  func() memory { return memory{see.Allocated, see.Live, see.Objects, see.Idle, see.Unused} },
	}
	return r.look
}

// NewRush returns a rush's look.
func NewRush(normal int, conns *int, set func(percent int)) (look func()) {
	r := rush{conns: func() int { return *conns }, set: set, normal: normal}
	return r.look
}

func (m memory) Allocated() uint64 { return m.allocated }
func (m memory) Objects() uint64   { return m.objects }
func (m memory) Idle() uint64      { return m.idle + m.unused }

// A DataDir is a data directory, taken.
type DataDir = dataDir

var OpenDataDir = openDataDir

func (d *dataDir) Close() error { return d.close() }
func (d *dataDir) Shared() bool { return d.shared() }

// ClusterStatus returns what is answered when a bus says from.
func ClusterStatus(from backbone.Status, away int64, nodes []fleet.Node) ([]byte, error) {
	return json.Marshal(statusOf(from, away, nodes))
}

// Self returns which of the routes is this node.
func (n *NATSConfig) Self(addresses []net.Addr, lookup func(host string) ([]netip.Addr, error)) (string, error) {
	return n.self(addresses, lookup)
}

func (c *Config) NodeName() (string, error) { return c.nodeName() }

func (t *LinkTLSConfig) Config() (*tls.Config, error) { return t.config(slog.New(slog.DiscardHandler)) }

// OpenRoom answers on listeners as while the backbone is waited for, until leave.
func OpenRoom(listeners []net.Listener, pathPrefix string, ready func() (bool, string)) (leave func()) {
	return openRoom(listeners, pathPrefix, ready).close
}

// HasDemos reports whether a server of c shows the demos.
func (c *Config) HasDemos() bool { return c.demoApp(c.Registered()) != nil }

// NextEvent returns the name of the next event that a client reads from conn.
func NextEvent(ctx context.Context, conn net.Conn) (string, error) {
	c := &client{ctx: ctx, conn: conn, r: bufio.NewReader(conn)}
	f, err := c.next()
	return f.Event, err
}
