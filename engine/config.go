package engine

import (
	"log/slog"
	"runtime"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/peers"
	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
)

// Config says how an Engine behaves. Every zero field but Handler has a usable default.
type Config struct {
	Handler Handler // required

	// Loops is the number of event loops, each a thread at work. 0: all cores but one on
	// machines of up to four cores, so that HTTP requests find one free; else all cores.
	// With CPUs it is one for each of those.
	Loops int
	// CPUs ties loop i to processor CPUs[i], of which there must be one for each loop and all
	// among AllowedCPUs. Empty: the scheduler moves loops as it likes. Linux only.
	CPUs []int
	// MaxConns bounds the sockets held at once, HTTP ones included. At the bound accepting
	// pauses until one closes, with at most two conns of each listener in hand. 0: the limit of open files less a reserve.
	MaxConns int

	// AcceptRate bounds the sockets accepted in a second, over all listeners, and Handshakes the conns whose request
	// heads are awaited. What is more waits in the kernel's queue; at the bound of Handshakes those who have
	// kept us waiting longest, and for more than a second, are given up for others. 0: no bound.
	AcceptRate, Handshakes int
	// Peers bounds the sockets of one client address, as Conn.ClientAddr tells it. Whoever has too many is cut off, or,
	// when the address became known only by the request's head, marked as Crowded.
	Peers peers.Limits

	HeadTimeout time.Duration    // for a whole request head; 0: 10 s
	Head        handshake.Limits // of a request head; Bytes 0: handshake.DefaultLimits, at most handshake.LargestBytes
	Message     frame.Limits     // of incoming messages; a zero field sets no bound
	MessageTime time.Duration    // from the first byte of a message to its last; 0: no bound

	PingInterval time.Duration // silence before a ping; 0: 60 s
	PongWait     time.Duration // silence after it before the Handler hears Unresponsive; 0: 30 s
	CloseWait    time.Duration // for the peer's close frame; 0: 5 s

	BacklogBytes int           // unsent bytes of one conn; 0: 1 MiB, negative: no bound
	BacklogTotal int           // unsent bytes of all conns, those that hold the most are told Slow first; 0: no bound
	BacklogAge   time.Duration // of the oldest unsent frame; 0: 10 s, negative: no bound

	// UserTimeout is TCP_USER_TIMEOUT: how long sent data may stay unacknowledged before the
	// kernel gives the connection up. 0: 30 s, negative: the kernel's default.
	UserTimeout time.Duration
	// SendBuffer is SO_SNDBUF in bytes, of which the kernel reserves twice. 0: the kernel finds
	// a size for each conn by itself.
	SendBuffer int
	// NotSentLowat is TCP_NOTSENT_LOWAT: the bytes that the kernel takes for a conn beyond what
	// it has sent, roughly; more waits in the backlog, where limits see it. 0: what
	// net.ipv4.tcp_notsent_lowat says. Linux only.
	NotSentLowat int

	// BatchWindow is how long a frame for many conns may wait for others to leave in the same
	// send. What goes to few is sent at once and takes a conn's waiting frames along. 0: no time.
	BatchWindow time.Duration

	// Trust says which peers are proxies, whose word about their clients counts. nil: none.
	Trust *proxies.Trust

	// TLS serves conns that begin with a TLS handshake; nil: none are.
	TLS *TLS

	// HTTP receives the sockets whose request is not a WebSocket handshake. nil: they are
	// answered 404.
	HTTP *HTTPListener

	Log     *slog.Logger // nil: slog.Default()
	Metrics *metrics.Set // nil: none are exported
}

// DefaultLoops returns the number of loops that Config.Loops 0 stands for without CPUs. Any
// goroutine.
func DefaultLoops() int {
	n := runtime.GOMAXPROCS(0)
	if n > 1 && n <= 4 {
		n--
	}
	return min(n, MaxLoops)
}

// withDefaults returns a copy of c in which no zero field means a default any more.
func (c Config) withDefaults() Config {
	if c.Loops <= 0 {
		c.Loops = len(c.CPUs)
	}
	if c.Loops <= 0 {
		c.Loops = DefaultLoops()
	}
	c.Loops = min(c.Loops, MaxLoops)
	if c.MaxConns <= 0 {
		c.MaxConns = fileBudget()
	}
	or := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	if c.Head.Bytes <= 0 {
		c.Head = handshake.DefaultLimits()
	}
	c.Head.Bytes = min(c.Head.Bytes, handshake.LargestBytes)
	or(&c.HeadTimeout, 10*time.Second)
	or(&c.PingInterval, time.Minute)
	or(&c.PongWait, 30*time.Second)
	or(&c.CloseWait, 5*time.Second)
	or(&c.BacklogAge, 10*time.Second)
	or(&c.UserTimeout, 30*time.Second)
	if c.BacklogBytes == 0 {
		c.BacklogBytes = 1 << 20
	}
	c.BacklogBytes = max(c.BacklogBytes, 0)
	c.BacklogAge = max(c.BacklogAge, 0)
	c.TLS = c.TLS.withDefaults()
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Metrics == nil {
		c.Metrics = metrics.NewSet()
	}
	return c
}
