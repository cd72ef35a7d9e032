package natsbus

import (
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

var Token = token
