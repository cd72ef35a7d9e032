package plan

import (
	"fmt"
	"strconv"
	"time"
)

// Via says how messages are published.
type Via string

const (
	REST         Via = "rest"    // signed requests to the HTTP API, one keep-alive conn per publisher
	ClientEvents Via = "client"  // client events from conns that do nothing else
	Members      Via = "members" // client events from the subscribers themselves, as in a chat
)

// Protocol is what the server speaks.
type Protocol string

const (
	Pusher     Protocol = "pusher"     // the Pusher protocol 7
	Centrifuge Protocol = "centrifuge" // that of Centrifugo, in JSON; publications over WebSocket alone
)

// Until says when a message is no longer outstanding.
type Until string

const (
	UntilAll    Until = "all"    // every subscriber of the publisher's worker has it
	UntilFirst  Until = "first"  // one of them has
	UntilAnswer Until = "answer" // the server has answered the publish
)

// A Target is one address that clients and publishers connect to.
type Target struct {
	Address string // host:port, the host an IPv4 address
	Host    string // as the Host header has it
	Prefix  string // path prefix without a slash at its end, or empty
	TLS     bool
}

// A Plan is everything that the processes of one run must agree on. Treat it as immutable once
// Check has passed.
type Plan struct {
	Scenario string
	Run      string // distinguishes the channels of this run from those of another

	// The server. Client and publisher i use Targets[i mod len].
	Protocol           Protocol // empty: Pusher
	Targets            []Target
	AppID, Key, Secret string

	// Steady subscribers: they connect before the run and stay.
	Clients   int
	Channels  int
	PerClient int    // channels each client is on
	Prefix    string // of the channel names: "", "private-", "presence-", …
	Deaf      int    // conns beside them that subscribe as they do and never read again
	DeafRate  int    // but for this many bytes a second

	// Publishers. With Via Members they are the clients themselves.
	Via        Via
	Publishers int
	Rate       float64 // messages a second, all publishers together; 0: none
	Burst      int     // this many fall due at the same instant
	Batch      int     // most messages in one REST request
	Payload    int     // bytes of data in a message, at least StampBytes
	Saturate   bool    // ignore Rate and keep Window messages of each publisher outstanding
	Window     int
	Until      Until

	// Churn: conns that come, subscribe to one channel, and leave.
	ChurnRate float64 // a second
	ChurnHold time.Duration

	// Phases, in this order. Interval is the grain of the time line.
	ConnectTimeout, Settle, Warmup, Duration, Drain time.Duration
	Interval                                        time.Duration

	ConnectRate float64 // steady clients a second, all workers together; 0: as fast as they are answered
	Eager       bool    // send the subscriptions together with the opening request
	Sources     int     // loopback source addresses, 127.0.0.1 and up; 0: leave it to the kernel
	Processes   int
	Workers     int // threads per process
}

// Limits that keep a slip of the finger from becoming an incident.
const (
	MaxClients  = 1_000_000
	MaxChannels = 1_000_000
	MaxRate     = 1_000_000
	MaxPayload  = 1 << 20
	MaxDuration = 7 * 24 * time.Hour
)

// Check reports the first thing about p that makes no sense, in words for the person who typed it.
func (p *Plan) Check() error {
	for _, bound := range []struct {
		name      string
		value     float64
		low, high float64
	}{
		{"subscribers", float64(p.Clients), 0, MaxClients},
		{"deaf", float64(p.Deaf), 0, MaxClients},
		{"deaf-rate", float64(p.DeafRate), 0, 1 << 20},
		{"channels", float64(p.Channels), 1, MaxChannels},
		{"per-client", float64(p.PerClient), 1, 10_000},
		{"publishers", float64(p.Publishers), 0, MaxClients},
		{"rate", p.Rate, 0, MaxRate},
		{"burst", float64(p.Burst), 1, MaxRate},
		{"batch", float64(p.Batch), 1, 1000},
		{"payload", float64(p.Payload), float64(StampBytes), MaxPayload},
		{"window", float64(p.Window), 1, 1 << 16},
		{"churn-rate", p.ChurnRate, 0, 100_000},
		{"connect-rate", p.ConnectRate, 0, 1_000_000},
		{"sources", float64(p.Sources), 0, 250},
		{"processes", float64(p.Processes), 1, 256},
		{"workers", float64(p.Workers), 1, 256},
		{"duration (seconds)", p.Duration.Seconds(), 0.1, MaxDuration.Seconds()},
		{"warmup (seconds)", p.Warmup.Seconds(), 0, MaxDuration.Seconds()},
		{"interval (seconds)", p.Interval.Seconds(), 0.01, 3600},
	} {
		if !(bound.low <= bound.value && bound.value <= bound.high) {
			return fmt.Errorf("%s is %v; it must be from %v to %v", bound.name, bound.value, bound.low, bound.high)
		}
	}
	switch {
	case len(p.Targets) == 0:
		return fmt.Errorf("no server to connect to")
	case p.PerClient > p.Channels:
		return fmt.Errorf("each client is to be on %d channels, but there are only %d", p.PerClient, p.Channels)
	case p.Saturate && p.Publishers == 0:
		return fmt.Errorf("to saturate the server there must be publishers")
	case p.Saturate && p.Clients == 0:
		return fmt.Errorf("to saturate the server there must be subscribers")
	case p.Via == Members && p.Saturate:
		return fmt.Errorf("members publish on a schedule, not to saturation")
	case p.Saturate && p.Until != UntilAll && p.Until != UntilFirst && p.Until != UntilAnswer:
		return fmt.Errorf("until is %q; it must be all, first or answer", p.Until)
	case p.Saturate && p.Until == UntilAnswer && p.Via != REST:
		return fmt.Errorf("client events have no answer to wait for")
	case p.Via == Members && p.PerClient != 1:
		return fmt.Errorf("members are on one channel each")
	case p.Via == Members && p.Publishers != p.Clients:
		return fmt.Errorf("with members as publishers there are as many publishers as subscribers")
	case p.Protocol != "" && p.Protocol != Pusher && p.Protocol != Centrifuge:
		return fmt.Errorf("protocol is %q; it must be pusher or centrifuge", p.Protocol)
	case p.Protocol == Centrifuge && (p.Via == REST && p.Publishers > 0 || p.Via == Members || p.Eager):
		return fmt.Errorf("centrifuge is spoken over WebSocket, by publishers of their own (--via client) and without --eager")
	case p.Via != REST && p.Publishers > 0 && !Authorized(p.Prefix):
		return fmt.Errorf("client events need private or presence channels")
	case p.Via != REST && p.Batch > 1:
		return fmt.Errorf("client events cannot be batched")
	}
	return nil
}

// Channel returns the name of channel i.
func (p *Plan) Channel(i int) string {
	return p.Prefix + "load-" + p.Run + "-" + strconv.Itoa(i)
}

// Publishes reports whether there is anything to deliver.
func (p *Plan) Publishes() bool { return p.Publishers > 0 && (p.Saturate || p.Rate > 0) }

// Reach returns how many subscribers a message of the given publisher is meant for, when its
// channel has so many. A member does not get its own.
func (p *Plan) Reach(subscribers int) int {
	if p.Via == Members {
		return max(subscribers-1, 0)
	}
	return subscribers
}

// Crew returns the number of workers of all processes.
func (p *Plan) Crew() int { return p.Processes * p.Workers }

// Share returns the part [low, high) of n things that falls to worker of the crew. Blocks, not
// every nth: each worker then has subscribers of every channel.
func (p *Plan) Share(n, worker int) (low, high int) {
	crew := p.Crew()
	return n * worker / crew, n * (worker + 1) / crew
}
