package natsbus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// A Config says which backbone a node is on, and as who. Exactly one of Embedded and External is set. All nodes of a cluster have the same
// Prefix, Replicas, Shards, Lease and Logs.
type Config struct {
	Name     string // of the node, as people call it; no other node of the cluster has it
	Embedded *Embedded
	External *External

	Prefix   string        // of all subjects, and of the names of streams: several clusters can share a server; "": gannet. Letters, digits, '-'
	Replicas int           // of each stream, 1, 3 or 5; 0: 3 when three embedded servers keep streams, else 1
	Shards   int           // streams over which the logs are spread; 0: 8. Never changed once there are logs
	Lease    time.Duration // after which a silent node is taken off the board; 0: 15 s. An election takes up to 9 s: less is for tests
	Logs     Logs

	QueueBytes int          // that may wait to be sent before ErrFull; 0: 64 MiB
	Logger     *slog.Logger // nil: slog.Default
}

// Logs bound what the streams keep of logs. They are bounds of the store, for all topics: what is told of a topic follows its Retention.
type Logs struct {
	// Events is how many writes of one topic are kept, and so the most that a Retention's Events can rely on; 0: 1000.
	Events int
	// Age is how long a topic that nobody is attached to is remembered, between once and twice half of it, and at the same time the most that a
	// Retention's Age can rely on; 0: 2 h. A log that was forgotten begins a new epoch.
	Age time.Duration
	// Bytes bounds each of the Shards streams, the oldest messages go first; 0: no bound.
	Bytes int64
}

// Embedded has a nats-server run in this process.
type Embedded struct {
	// Dir is where streams are kept; "": a new directory for temporary files, which is removed in the end. A node in Routes needs one: if it came
	// back with its name and without its memory, it could vote against what it had promised.
	Dir string
	// Routes are the addresses, host:port, of the nodes that keep streams, the same list on every node: three, or five, which find each
	// other there; or one, of which the others then are clients, since a server that keeps streams alone is no cluster. Empty: this node is alone.
	Routes []string
	// Self is this node's address in Routes. A node that is not among them keeps no streams, it joins those that do.
	Self string
	// Listen is where routes are listened for, host:port; "": at Self.
	Listen string
	// Secret is what nodes must know to join. "": anybody who reaches Listen can.
	Secret string
	// TLS secures what nodes say to each other, both ways; nil: it is plain.
	TLS *tls.Config
	// SyncAlways has every write reach the disk before it counts; else it does within two minutes.
	SyncAlways bool
	// Client is where clients, like the nats command, are listened for, host:port; "": nowhere. They need Secret as token, and TLS.
	Client string
}

// External has the node be a client of NATS servers with JetStream, 2.11 or newer.
type External struct {
	URLs           []string
	User, Password string
	Token          string
	Credentials    string // file of a JWT and its key
	NKey           string // file of a seed
	TLS            *tls.Config
	Domain         string // of JetStream; "": the server's own
}

// filled returns c with defaults in place of zeros, or what is wrong with it.
func (c Config) filled() (Config, error) {
	if c.Name == "" {
		return c, errors.New("natsbus: the node has no name")
	}
	if (c.Embedded == nil) == (c.External == nil) {
		return c, errors.New("natsbus: either embedded or external")
	}
	if c.External != nil && len(c.External.URLs) == 0 {
		return c, errors.New("natsbus: no URL of a server")
	}
	if e := c.Embedded; e != nil {
		if len(e.Routes) > 0 && e.Self == "" && e.Listen == "" {
			return c, errors.New("natsbus: neither the node's own address nor where to listen")
		}
		switch len(e.Routes) {
		case 0, 3, 5:
		case 1:
			if !e.stores() {
				c.External = &External{URLs: []string{"nats://" + e.Routes[0]}, Token: e.Secret, TLS: e.TLS}
				c.Embedded = nil
				break
			}
			alone := *e
			alone.Client, alone.Routes = e.Listen, nil
			if alone.Client == "" {
				alone.Client = e.Self
			}
			c.Embedded = &alone
		default:
			return c, fmt.Errorf("natsbus: %d nodes keep streams; want 1, 3 or 5", len(e.Routes))
		}
	}
	if e := c.Embedded; e != nil {
		if e.Dir == "" && len(e.Routes) > 0 && e.stores() {
			return c, errors.New("natsbus: a node that keeps streams for others needs a directory")
		}
	}
	if c.Prefix == "" {
		c.Prefix = "gannet"
	}
	for _, r := range c.Prefix {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
			return c, fmt.Errorf("natsbus: prefix %q is not of letters, digits and -", c.Prefix)
		}
	}
	if c.Replicas == 0 {
		c.Replicas = 1
		if c.Embedded != nil && len(c.Embedded.Routes) >= 3 {
			c.Replicas = 3
		}
	}
	if c.Replicas != 1 && c.Replicas != 3 && c.Replicas != 5 {
		return c, fmt.Errorf("natsbus: %d replicas; want 1, 3 or 5", c.Replicas)
	}
	if c.Embedded != nil && c.Replicas > max(1, len(c.Embedded.Routes)) {
		return c, fmt.Errorf("natsbus: %d replicas on %d nodes", c.Replicas, max(1, len(c.Embedded.Routes)))
	}
	if c.Shards <= 0 {
		c.Shards = 8
	}
	if c.Lease <= 0 {
		c.Lease = 15 * time.Second
	}
	if c.Logs.Events <= 0 {
		c.Logs.Events = 1000
	}
	if c.Logs.Age <= 0 {
		c.Logs.Age = 2 * time.Hour
	}
	if c.Logs.Bytes <= 0 {
		c.Logs.Bytes = -1
	}
	if c.QueueBytes <= 0 {
		c.QueueBytes = 64 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, nil
}

// stores reports whether the node keeps streams.
func (e *Embedded) stores() bool { return len(e.Routes) == 0 || slices.Contains(e.Routes, e.Self) }
