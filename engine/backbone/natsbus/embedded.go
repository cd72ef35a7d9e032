package natsbus

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// maxPayload is the largest message of NATS, headers and all. Base64 makes four bytes of three when the leader is asked for one.
const maxPayload = 8 << 20

// An embedded is the nats-server of this process.
type embedded struct {
	server    *server.Server
	log       *serverLog
	temporary string // directory to remove; "": none
	token     string // of clients; "": they need none
	system    string // of this process, for the server's own account; "": there is none
}

// Check lets clients in that know a token, as server.Authentication. Any goroutine.
func (s *embedded) Check(c server.ClientAuthentication) bool {
	token := []byte(c.GetOpts().Token)
	if s.system != "" && subtle.ConstantTimeCompare(token, []byte(s.system)) == 1 {
		c.RegisterUser(&server.User{Account: s.server.SystemAccount()})
		return true
	}
	return subtle.ConstantTimeCompare(token, []byte(s.token)) == 1
}

// openEmbedded starts a nats-server.
func openEmbedded(c *Config) (*embedded, error) {
	e := c.Embedded
	o := &server.Options{
		ServerName:             c.Name,
		DontListen:             true,
		NoSigs:                 true,
		MaxPayload:             maxPayload,
		MaxPending:             256 << 20,
		JetStream:              e.stores(),
		StoreDir:               e.Dir,
		SyncAlways:             e.SyncAlways,
		DisableJetStreamBanner: true,
	}
	s := &embedded{token: e.Secret, log: newServerLog(c.Logger.With("part", "nats-server"))}
	var err error
	switch {
	case e.Client != "":
		o.DontListen = false
		if o.Host, o.Port, err = hostPort(e.Client); err != nil {
			return nil, err
		}
		if o.TLSConfig = e.TLS; e.TLS != nil {
			o.TLSTimeout = 5
		}
	case len(e.Routes) > 0:
		// A server that does not listen for clients does not for routes. So it listens where few reach it, and with a token that nobody knows.
		o.DontListen, o.Host, o.Port = false, "127.0.0.1", server.RANDOM_PORT
		s.token, s.system = rand.Text(), rand.Text()
	}
	if s.token != "" {
		o.CustomClientAuthentication = s
	}
	if len(e.Routes) > 0 {
		listen := e.Listen
		if listen == "" {
			listen = e.Self
		}
		o.Cluster = server.ClusterOpts{
			Name: c.Prefix, ConnectRetries: 1 << 30, TLSConfig: e.TLS, TLSTimeout: 5,
			// A cut link must not go unnoticed for long: what is published goes only where somebody listens.
			PingInterval: routePing, MaxPingsOut: 2,
			// One connection for each pair of nodes, so that what goes over it keeps its order: barrier relies on it.
			PoolSize: -1,
			// Clients are told of no other servers.
			NoAdvertise: true,
		}
		if o.Cluster.Host, o.Cluster.Port, err = hostPort(listen); err != nil {
			return nil, err
		}
		if e.Self != "" && e.Self != listen {
			o.Cluster.Advertise = e.Self
		}
		user := url.UserPassword("gannet", e.Secret)
		if e.Secret == "" {
			user = nil
		} else {
			o.Cluster.Username, o.Cluster.Password = "gannet", e.Secret
		}
		for _, address := range e.Routes {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", User: user, Host: address})
		}
	}
	if o.JetStream && o.StoreDir == "" {
		// The server would share one folder among all processes of this machine.
		if o.StoreDir, err = os.MkdirTemp("", "gannet-nats-"); err != nil {
			return nil, fmt.Errorf("natsbus: %w", err)
		}
		s.temporary = o.StoreDir
	}
	if s.server, err = server.NewServer(o); err != nil {
		s.close()
		return nil, fmt.Errorf("natsbus: %w", err)
	}
	s.server.SetLoggerV2(s.log, false, false, false)
	s.server.Start()
	return s, nil
}

// ready waits until the server takes connections: one that keeps streams does when it has found another of those that do.
func (s *embedded) ready(ctx context.Context) error {
	for !s.server.ReadyForConnections(50 * time.Millisecond) {
		if !s.server.Running() {
			return fmt.Errorf("natsbus: the embedded server did not start: %s", s.log.trouble())
		}
		if ctx.Err() != nil {
			return fmt.Errorf("natsbus: the embedded server is not ready (%s): %w", s.log.trouble(), context.Cause(ctx))
		}
	}
	return nil
}

// routePing is how often servers see whether they still hear each other; twice without an answer is no.
const routePing = 2 * time.Second

// close stops the server. What it leads goes to others first, so that nobody has to wait for an election.
func (s *embedded) close() {
	if s.server != nil {
		s.server.Shutdown()
		s.server.WaitForShutdown()
	}
	if s.temporary != "" {
		os.RemoveAll(s.temporary)
	}
}

// remotes returns the names of the servers that this one is connected with.
func (s *embedded) remotes() map[string]bool {
	all := make(map[string]bool)
	if z, err := s.server.Routez(nil); err == nil {
		for _, r := range z.Routes {
			all[r.RemoteName] = true
		}
	}
	return all
}

func hostPort(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("natsbus: address %q: %w", address, err)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("natsbus: address %q has no port", address)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return host, port, nil
}
