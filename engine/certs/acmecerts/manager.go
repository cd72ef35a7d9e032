package acmecerts

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/gannet-io/gannet/engine/certs"
)

// Protocol is what TLS-ALPN-01 negotiates (RFC 8737 §3); a server that answers it offers it in
// ALPN.
const Protocol = "acme-tls/1"

// The challenges that can be asked for alone.
const (
	HTTP01    = "http-01"
	TLSALPN01 = "tls-alpn-01"
)

// Config says which certificates to get, and where. Domains, Dir and Listener are required.
type Config struct {
	Domains   []string       // a certificate for each
	Email     string         // told to the authority, which may write; "": none
	Directory string         // URL of the authority's directory; "": Let's Encrypt
	Roots     *x509.CertPool // that vouch for the authority's own server; nil: the system's
	Challenge string         // HTTP01 or TLSALPN01; "": whichever works
	Dir       string         // where accounts, keys and certificates are kept, shared with nobody

	// Listener is an address that the server listens on. It is never used, only found taken:
	// certmagic would open ports of its own where nobody listens.
	Listener *net.TCPAddr

	CheckEvery time.Duration // for certificates to renew; 0: 10 minutes
	ByAge      bool          // renew by age alone, not when the authority advises it (RFC 9773)
	Log        *slog.Logger  // nil: slog.Default()
	Metrics    *metrics.Set  // nil: none are exported
}

// A Manager holds the certificates. Any goroutine.
type Manager struct {
	// Set once by New.
	domains []string
	cache   *certmagic.Cache
	magic   *certmagic.Config
	issuer  *certmagic.ACMEIssuer
	cancel  context.CancelFunc
	ctx     context.Context

	stop sync.Once
}

// New returns a Manager that has nothing yet.
func New(cfg Config) (*Manager, error) {
	if len(cfg.Domains) == 0 || cfg.Dir == "" || cfg.Listener == nil {
		return nil, errors.New("acmecerts: Config needs Domains, Dir and Listener")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.NewSet()
	}
	m := &Manager{}
	for _, domain := range cfg.Domains {
		m.domains = append(m.domains, strings.ToLower(domain))
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	log := zap.New(&bridge{log: cfg.Log})
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return m.magic, nil },
		RenewCheckInterval: cfg.CheckEvery,
		Logger:             log,
	})
	obtained := cfg.Metrics.NewCounter(`gannet_acmecerts_orders_total{outcome="obtained"}`)
	failed := cfg.Metrics.NewCounter(`gannet_acmecerts_orders_total{outcome="failed"}`)
	m.magic = certmagic.New(m.cache, certmagic.Config{
		Storage:           &certmagic.FileStorage{Path: cfg.Dir},
		DefaultServerName: m.domains[0],
		DisableARI:        cfg.ByAge,
		OCSP:              certmagic.OCSPConfig{DisableStapling: true}, // the large authorities have ended it
		Logger:            log,
		OnEvent: func(_ context.Context, event string, _ map[string]any) error {
			switch event {
			case "cert_obtained":
				obtained.Inc()
			case "cert_failed":
				failed.Inc()
			}
			return nil
		},
	})
	host := cfg.Listener.IP.String()
	if cfg.Listener.IP.IsUnspecified() || len(cfg.Listener.IP) == 0 {
		host = ""
	}
	m.issuer = certmagic.NewACMEIssuer(m.magic, certmagic.ACMEIssuer{
		CA:                      cfg.Directory,
		Email:                   cfg.Email,
		Agreed:                  true, // docs/tls.md tells what to
		TrustedRoots:            cfg.Roots,
		DisableHTTPChallenge:    cfg.Challenge == TLSALPN01,
		DisableTLSALPNChallenge: cfg.Challenge == HTTP01,
		ListenHost:              host,
		AltHTTPPort:             cfg.Listener.Port,
		AltTLSALPNPort:          cfg.Listener.Port,
		Logger:                  log,
	})
	m.magic.Issuers = []certmagic.Issuer{m.issuer}
	for _, domain := range m.domains {
		certs.ExpiryGauge(cfg.Metrics, domain, func() float64 { return m.left(domain).Seconds() })
	}
	return m, nil
}

// loadTime bounds how long Start waits for certificates that the directory has.
const loadTime = 2 * time.Second

// Start reads what the directory has, gets the rest in the background, for as long as it
// takes, then renews in time. May block on the directory.
func (m *Manager) Start() error {
	if err := m.magic.ManageAsync(m.ctx, m.domains); err != nil {
		return err
	}
	// certmagic reads in the background, too. Handshakes shall find what is there: a restart is
	// no reason to turn clients away.
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for start := time.Now(); time.Since(start) < loadTime && !m.loaded(); <-poll.C {
	}
	return nil
}

// loaded reports whether all certificates of the directory are in use.
func (m *Manager) loaded() bool {
	for _, domain := range m.domains {
		key := certmagic.StorageKeys.SiteCert(m.issuer.IssuerKey(), domain)
		if len(m.cache.AllMatchingCertificates(domain)) == 0 && m.magic.Storage.Exists(m.ctx, key) {
			return false
		}
	}
	return true
}

// Stop ends everything; certificates stay in the directory. It may be called twice.
func (m *Manager) Stop() {
	m.stop.Do(func() {
		m.cancel()
		m.cache.Stop()
	})
}

// Certificate returns what to show in a handshake: the answer to a challenge, or the
// certificate of the domain asked for; to who asks for none, that of the first. nil for other
// domains.
func (m *Manager) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	challenge := slices.Equal(hello.SupportedProtos, []string{Protocol})
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if !challenge && name != "" && !slices.Contains(m.domains, name) {
		return nil, nil
	}
	return m.magic.GetCertificate(hello)
}

// left returns how long the certificate of domain is still valid, 0 when there is none.
func (m *Manager) left(domain string) time.Duration {
	for _, c := range m.cache.AllMatchingCertificates(domain) {
		return time.Until(c.Leaf.NotAfter)
	}
	return 0
}

// challengePrefix begins the path of an HTTP-01 challenge (RFC 8555 §8.3).
const challengePrefix = "/.well-known/acme-challenge/"

// Answer returns what to answer a plain GET request for path on host, if it is a challenge
// that is under way.
func (m *Manager) Answer(host, path string) (answer []byte, ok bool) {
	if !strings.HasPrefix(path, challengePrefix) {
		return nil, false
	}
	var w memory
	r := &http.Request{Method: http.MethodGet, Host: host, URL: &url.URL{Path: path}, RequestURI: path, Header: http.Header{}}
	if !m.issuer.HandleHTTPChallenge(&w, r) || w.status >= http.StatusBadRequest {
		return nil, false
	}
	return w.Bytes(), true
}

// memory is a ResponseWriter that keeps what it is told.
type memory struct {
	bytes.Buffer
	status int
	header http.Header
}

func (w *memory) WriteHeader(status int) { w.status = status }

func (w *memory) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// CheckDomain says what is wrong with a name that a certificate is to be for.
func CheckDomain(name string) error {
	switch {
	case name == "":
		return errors.New("must not be empty")
	case strings.Contains(name, "*"):
		return errors.New("wildcards need a DNS challenge, which Gannet cannot answer; give a certificate by its files")
	case net.ParseIP(name) != nil:
		return nil
	case strings.ContainsAny(name, "/: \t@") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "."):
		return errors.New("want a host name such as ws.shop.example, got " + strconv.Quote(name))
	}
	return nil
}
