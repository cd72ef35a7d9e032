package acmecerts_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/gannet-io/gannet/engine/certs"
	"github.com/gannet-io/gannet/engine/certs/acmecerts"
)

// patience is how long a test waits for what must happen; nothing takes so long.
const patience = 60 * time.Second

// An authority is Pebble, in this process.
type authority struct {
	server    *httptest.Server
	directory string
	roots     *x509.CertPool // of its own server
	issued    *x509.CertPool // of what it issues
}

// startAuthority starts an authority that looks for every host at 127.0.0.1 and the port of
// challenges, and whose certificates are good for valid.
func startAuthority(t *testing.T, port int, valid time.Duration) authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	silent := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(silent, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: uint64(valid / time.Second)}})
	checks := va.New(silent, port, port, true, startDNS(t), store)
	front := wfe.New(silent, store, checks, issuer, []string{"pebble.test"}, true, false, 1, 1)
	s := httptest.NewTLSServer(front.Handler())
	t.Cleanup(s.Close)
	a := authority{server: s, directory: s.URL + wfe.DirectoryPath, roots: x509.NewCertPool(), issued: x509.NewCertPool()}
	a.roots.AddCert(s.Certificate())
	a.issued.AddCert(issuer.GetRootCert(0).Cert)
	return a
}

// startDNS starts a server that knows 127.0.0.1 alone.
func startDNS(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // Pebble asks over TCP
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: ln, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)})
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.ShutdownContext(context.Background()) })
	return ln.Addr().String()
}

// A site is a server that speaks TLS and plain HTTP on one port by first byte, as Gannet does.
type site struct {
	t       *testing.T
	ln      *net.TCPListener
	manager atomic.Pointer[acmecerts.Manager]
	plain   atomic.Int32 // challenges answered over plain HTTP
}

func startSite(t *testing.T) *site {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, ln: ln.(*net.TCPListener)}
	t.Cleanup(func() { _ = ln.Close() })
	store, err := certs.Open(certs.Config{
		MoreProtocols: []string{acmecerts.Protocol},
		More: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.manager.Load().Certificate(hello)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serve(conn, store.TLS())
		}
	}()
	return s
}

func (s *site) serve(conn net.Conn, config *tls.Config) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		return
	}
	rest := &ahead{conn, first}
	if first[0] == 0x16 {
		_ = tls.Server(rest, config).Handshake()
		return
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, ok := s.manager.Load().Answer(r.Host, r.URL.Path); ok {
			s.plain.Add(1)
			_, _ = w.Write(text)
			return
		}
		http.NotFound(w, r)
	})
	once := &single{conn: rest}
	_ = (&http.Server{Handler: answer}).Serve(once)
	once.wait()
}

// ahead is a conn whose first byte was read.
type ahead struct {
	net.Conn
	first []byte
}

func (a *ahead) Read(p []byte) (int, error) {
	if len(a.first) > 0 {
		n := copy(p, a.first)
		a.first = a.first[n:]
		return n, nil
	}
	return a.Conn.Read(p)
}

// single is a listener of one conn.
type single struct {
	conn net.Conn
	done chan struct{}
}

func (s *single) Accept() (net.Conn, error) {
	if s.done != nil {
		return nil, io.EOF
	}
	s.done = make(chan struct{})
	return closer{s.conn, s.done}, nil
}
func (s *single) Close() error   { return nil }
func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }
func (s *single) wait()          { <-s.done }

type closer struct {
	net.Conn
	done chan struct{}
}

func (c closer) Close() error {
	select {
	case <-c.done:
	default:
		close(c.done)
	}
	return c.Conn.Close()
}

// manage starts a manager of cfg for the site.
func (s *site) manage(cfg acmecerts.Config) *acmecerts.Manager {
	s.t.Helper()
	cfg.Listener = s.ln.Addr().(*net.TCPAddr)
	cfg.Log = slog.New(slog.NewTextHandler(s.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	m, err := acmecerts.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.manager.Store(m)
	if err := m.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(m.Stop)
	return m
}

// shown returns the certificate that the site shows for host, nil unless it is one that
// clients of the authority accept.
func (s *site) shown(host string, roots *x509.CertPool) *x509.Certificate {
	conn, err := tls.Dial("tcp", s.ln.Addr().String(), &tls.Config{ServerName: host, RootCAs: roots})
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// storage returns an empty directory. What a manager had under way when it was stopped may write
// there once more, which is why it is removed more patiently than that of t.TempDir.
func storage(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "acmecerts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, "the storage is not removed", func() bool { return os.RemoveAll(dir) == nil })
	})
	return dir
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for start := time.Now(); !cond(); <-tick.C {
		if time.Since(start) > patience {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestEitherChallengeGetsACertificate(t *testing.T) {
	for _, challenge := range []string{acmecerts.HTTP01, acmecerts.TLSALPN01} {
		t.Run(challenge, func(t *testing.T) {
			s := startSite(t)
			a := startAuthority(t, s.ln.Addr().(*net.TCPAddr).Port, 24*time.Hour)
			set := metrics.NewSet()
			dir := storage(t)
			m := s.manage(acmecerts.Config{
				Domains: []string{"one.test", "Two.test"}, Email: "ops@one.test", Directory: a.directory, Roots: a.roots, Challenge: challenge, Dir: dir, Metrics: set})
			for _, host := range []string{"one.test", "two.test"} {
				eventually(t, "a certificate for "+host, func() bool { return s.shown(host, a.issued) != nil })
			}
			if over := s.plain.Load() > 0; over != (challenge == acmecerts.HTTP01) {
				t.Errorf("%d challenges were answered over HTTP", s.plain.Load())
			}
			if c, err := m.Certificate(&tls.ClientHelloInfo{ServerName: "three.test"}); c != nil || err != nil {
				t.Errorf("a certificate for a domain that is not managed: %v, %v", c, err)
			}
			var text strings.Builder
			set.WritePrometheus(&text)
			for _, want := range []string{`gannet_acmecerts_orders_total{outcome="obtained"} 2`, `gannet_certs_expiry_seconds{certificate="one.test"} 8`} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("no %s in\n%s", want, &text)
				}
			}
			// Who starts again has them, and asks nobody.
			m.Stop()
			a.server.Close()
			s.manage(acmecerts.Config{Domains: []string{"one.test"}, Directory: a.directory, Dir: dir})
			if s.shown("one.test", a.issued) == nil {
				t.Error("what is in the directory is not shown at once")
			}
			if info, err := os.Stat(filepath.Join(dir, "certificates")); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("keys may be read by others: %v, %v", info, err)
			}
		})
	}
}

func TestCertificatesAreRenewedWhileServing(t *testing.T) {
	s := startSite(t)
	const valid = 6 * time.Second
	a := startAuthority(t, s.ln.Addr().(*net.TCPAddr).Port, valid)
	// Pebble 2.10 does not find the order of every certificate that is to be replaced: one serial number in some.
	s.manage(acmecerts.Config{Domains: []string{"one.test"}, Directory: a.directory, Roots: a.roots, Dir: storage(t), CheckEvery: 200 * time.Millisecond, ByAge: true})
	var first *x509.Certificate
	eventually(t, "a certificate", func() bool { first = s.shown("one.test", a.issued); return first != nil })
	eventually(t, "another one", func() bool {
		c := s.shown("one.test", a.issued)
		return c != nil && c.SerialNumber.Cmp(first.SerialNumber) != 0
	})
}

func TestOnlyChallengesUnderWayAreAnswered(t *testing.T) {
	s := startSite(t)
	a := startAuthority(t, 1, time.Hour)
	m := s.manage(acmecerts.Config{Domains: []string{"one.test"}, Directory: a.directory, Roots: a.roots, Dir: storage(t), Challenge: acmecerts.TLSALPN01})
	for _, path := range []string{"/", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/abc", "/.well-known/acme-challenge/../x"} {
		if text, ok := m.Answer("one.test", path); ok {
			t.Errorf("%s is answered %q", path, text)
		}
	}
}

func TestDomainsAreChecked(t *testing.T) {
	for name, ok := range map[string]bool{"ws.shop.example": true, "192.0.2.1": true, "": false, "*.shop.example": false,
		"https://shop.example": false, "shop.example:443": false, "shop.example.": false, "a b": false} {
		if err := acmecerts.CheckDomain(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
