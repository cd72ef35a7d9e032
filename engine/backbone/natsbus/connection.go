package natsbus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/nats-io/nats.go"
)

// connect connects to the embedded server or the external ones. Errors never have what is secret.
func (b *Bus) connect(ctx context.Context) error {
	options := []nats.Option{
		nats.Name("gannet " + b.config.Name),
		nats.NoEcho(), // a message is for the other nodes
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1), // what cannot be sent now is refused now
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(), // or a password that is wrong for a while would end the connection for good
		nats.CustomReconnectDelay(func(attempts int) time.Duration {
			return min(2*time.Second, 50*time.Millisecond<<min(attempts, 6)) + rand.N(100*time.Millisecond)
		}),
		nats.ConnectHandler(func(*nats.Conn) { b.health.connected(true) }),
		nats.ReconnectHandler(func(*nats.Conn) { b.reconnected() }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { b.disconnected(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { b.health.failed(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) { b.failed(sub, err) }),
		nats.SyncQueueLen(64 << 10),
	}
	var urls string
	if b.server != nil {
		options = append(options, nats.InProcessServer(b.server.server), nats.PingInterval(20*time.Second))
		if b.server.token != "" {
			options = append(options, nats.Token(b.server.token))
		}
	} else {
		e := b.config.External
		for i, u := range e.URLs {
			if i > 0 {
				urls += ","
			}
			urls += u
		}
		options = append(options, nats.PingInterval(2*time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(3*time.Second))
		switch {
		case e.Credentials != "":
			options = append(options, nats.UserCredentials(e.Credentials))
		case e.NKey != "":
			o, err := nats.NkeyOptionFromSeed(e.NKey)
			if err != nil {
				return errors.New("natsbus: the nkey file cannot be read, or has no seed")
			}
			options = append(options, o)
		case e.Token != "":
			options = append(options, nats.Token(e.Token))
		case e.User != "":
			options = append(options, nats.UserInfo(e.User, e.Password))
		}
		if e.TLS != nil {
			options = append(options, nats.Secure(e.TLS))
		}
	}
	conn, err := nats.Connect(urls, options...)
	if err != nil {
		return fmt.Errorf("natsbus: connect: %w", err)
	}
	b.conn = conn
	for !conn.IsConnected() {
		err := conn.LastError()
		if err == nil {
			err = b.health.trouble()
		}
		if refused(err) {
			return fmt.Errorf("natsbus: connect to %s: %w", urls, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("natsbus: connect to %s: %w", urls, errors.Join(err, context.Cause(ctx)))
		case <-time.After(10 * time.Millisecond):
		}
	}
	b.health.connected(true)
	if n := conn.MaxPayload(); n < maxPayload {
		b.log.Info("the server takes smaller messages than an embedded one", "bytes", n)
	}
	return nil
}

// refused reports whether err says that a server is there and does not want this node, or this node not that server: trying again is of no use
// until somebody changes something.
func refused(err error) bool {
	for _, e := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrSecureConnRequired, nats.ErrSecureConnWanted} {
		if errors.Is(err, e) {
			return true
		}
	}
	var untrusted *tls.CertificateVerificationError
	var op *net.OpError
	return errors.As(err, &untrusted) || errors.As(err, &op) && op.Op == "remote error"
}

// reconnected is called when the connection was lost and is back: anything may have been missed.
func (b *Bus) reconnected() {
	b.generation.Add(1)
	b.health.connected(true)
}

func (b *Bus) disconnected(err error) {
	if b.closing.Load() {
		return
	}
	b.generation.Add(1)
	b.log.Warn("connection to nats lost", "error", err)
	b.health.connected(false)
}

// failed hears of errors that no call returned, above all of messages that were dropped because they were not read fast enough.
func (b *Bus) failed(sub *nats.Subscription, err error) {
	if b.closing.Load() {
		return
	}
	if errors.Is(err, nats.ErrSlowConsumer) && sub != nil {
		b.dropped(sub)
		return
	}
	if refused(err) && !b.health.isConnected() {
		b.health.failed(err) // in every attempt, so it is not logged each time
		return
	}
	subject := ""
	if sub != nil {
		subject = sub.Subject
	}
	b.log.Warn("nats", "error", err, "subject", subject)
}

// dropped has everything checked that comes the way of sub.
func (b *Bus) dropped(sub *nats.Subscription) {
	b.counts.dropped.Add(1)
	if sub == b.board.sub.Load() {
		b.board.lag()
		return
	}
	for _, l := range b.lanes {
		l.suspect(true)
	}
}
