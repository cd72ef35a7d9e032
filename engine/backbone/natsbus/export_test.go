package natsbus

import (
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
