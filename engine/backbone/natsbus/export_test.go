package natsbus

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// OpenServer starts the embedded server of a configuration alone, without a bus.
func OpenServer(c Config) (*server.Server, func(), error) {
	c, err := c.filled()
	if err != nil {
		return nil, nil, err
	}
	e, err := openEmbedded(&c)
	if err != nil {
		return nil, nil, err
	}
	return e.server, e.close, nil
}

// Open starts the server in b, which Start goes on with.
func (b *Bus) Open() error { return b.open() }

// Server returns the server in b.
func (b *Bus) Server() *server.Server { return b.server.server }

// Remotes returns the names of the servers that the one in b is connected with.
func (b *Bus) Remotes() map[string]bool { return b.server.remotes() }

// KeepWhole has b remove the records before a whole after d.
func (b *Bus) KeepWhole(d time.Duration) { b.board.pen.kept = d }

// Records returns how many records of b's incarnation are on the board.
func (b *Bus) Records() (n int, first uint64, err error) {
	subject := b.boardSubject(b.board.selfID())
	last, err := b.lastOf(b.boardStream(), subject)
	if err != nil {
		return 0, 0, err
	}
	err = b.readUpTo(b.boardStream(), subject, 1, last.seq, func(k kept) {
		if n++; n == 1 {
			first = k.seq
		}
	})
	return n, first, err
}

const LaneQueue = laneQueue

var Token = token

// Oldest asks whether the nth batch of a log, or from behind when n is negative, is the oldest that there is: b.oldest.
func (b *Bus) Oldest(topic string, n int) error {
	a := &attachment{topic: topic}
	a.stream, a.subject = b.logOf(topic, token(topic))
	last, err := b.lastOf(a.stream, a.subject)
	if err != nil {
		return err
	}
	var batches []*batch
	err = b.readUpTo(a.stream, a.subject, 1, last.seq, func(k kept) {
		next, _ := parseBatch(k.data, k.seq)
		batches = append(batches, next)
	})
	if err != nil {
		return err
	}
	if n < 0 {
		n += len(batches)
	}
	return b.oldest(a, batches[n])
}

// Renew begins a new epoch of a log.
func (b *Bus) Renew(topic string) error {
	stream, subject := b.logOf(topic, token(topic))
	last, err := b.end(stream, subject)
	if err == nil {
		_, err = b.renew(stream, subject, last)
	}
	return err
}

var ErrBehind = errBehind

// NewServerLog is newServerLog with a clock.
func NewServerLog(log *slog.Logger, now func() time.Time) *serverLog {
	l := newServerLog(log)
	l.now = now
	return l
}

// StrayFor has b remove servers that have had no place any more for d, which it looks at all the time.
func (b *Bus) StrayFor(d time.Duration) { b.strayFor, b.checkEvery = d, 200*time.Millisecond }

// Voters returns how many servers vote where streams are, if b's leads them.
func (b *Bus) Voters() int {
	if !b.server.server.JetStreamIsLeader() {
		return 0
	}
	info, err := b.server.server.Jsz(nil)
	if err != nil || info.Meta == nil {
		return 0
	}
	return info.Meta.Size
}

// Keepers returns the servers that keep streams, when they are the same for all and each has all that there is.
func (b *Bus) Keepers() (names []string) {
	streams := []string{b.boardStream()}
	for i := range b.config.Shards {
		streams = append(streams, fmt.Sprint(b.config.Prefix, "-log", i))
	}
	for _, name := range streams {
		info, err := b.ask("INFO", name, nil)
		if err != nil {
			return nil
		}
		all := info.names()
		slices.Sort(all)
		if names != nil && !slices.Equal(names, all) {
			return nil
		}
		names = all
		for _, r := range info.Cluster.Replicas {
			if !r.Current {
				return nil
			}
		}
	}
	return names
}

// KnownKeepers returns the servers that keep the board, as health has it.
func (b *Bus) KnownKeepers() []string {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	return b.health.keepers
}
