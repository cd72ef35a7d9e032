package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/echo"
	"github.com/gannet-io/gannet/frame"
)

type echoCommand struct {
	Listen       string `placeholder:"ADDR" default:"127.0.0.1:9001" help:"Address; 127.0.0.1:9001 unless given."`
	Deflate      bool   `help:"Accept permessage-deflate (RFC 7692) from clients that offer it."`
	MessageBytes string `placeholder:"SIZE" default:"32MiB" help:"Longest message, such as 64KiB; above it 1009. 32MiB unless given."`
}

// Help is shown by "gannet echo --help" between the summary and the flags.
func (*echoCommand) Help() string {
	return `Sends every WebSocket message back, text as text, binary as binary, fragments as one message: the server's own
engine and frames, with nothing of Pusher on top. For conformance suites, fuzzers, and to see what a network or a
proxy does to WebSockets. Any path and any origin will do. Metrics and configuration files are not for it.

Examples:

  gannet echo
  gannet echo --listen 127.0.0.1:9001 --deflate --message-bytes 64KiB
  wstest -m fuzzingclient -s fuzzingclient.json`
}

// echoUnread bounds the echoes that one client leaves unread, in messages of the largest size.
const echoUnread = 2

// Run echoes until the terminal says stop.
func (e *echoCommand) Run(t *terminal) error {
	size, err := parseBytes(e.MessageBytes)
	if err != nil {
		return fmt.Errorf("--message-bytes: %w", err)
	}
	if size == 0 {
		return errors.New("--message-bytes: must not be 0")
	}
	config := net.ListenConfig{KeepAlive: -1}
	ln, err := config.Listen(t.ctx, "tcp", e.Listen)
	if err != nil {
		return err
	}
	eng, err := engine.New(engine.Config{
		Handler:      echo.Handler{},
		Message:      frame.Limits{MessageBytes: size},
		BacklogBytes: echoUnread*size + 1<<20,
		Log:          slog.New(slog.NewTextHandler(t.errOut, nil)),
	})
	if err != nil {
		_ = ln.Close() // nothing was accepted from it
		return err
	}
	served := make(chan error, 1)
	go func() { served <- eng.ServeWith(ln, engine.ListenerConfig{Deflate: e.Deflate}) }()
	if _, err = fmt.Fprintf(t.out, "gannet: echoing on %s\n", ln.Addr()); err == nil {
		select {
		case <-t.ctx.Done():
		case err = <-served:
			served <- nil
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if e := eng.Drain(ctx, 0); e != nil && !errors.Is(e, context.DeadlineExceeded) {
		err = errors.Join(err, e)
	}
	return errors.Join(err, eng.Stop(), <-served)
}
