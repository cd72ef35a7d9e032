package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/certs"
	"github.com/gannet-io/gannet/engine/certs/acmecerts"
)

// ACMEConfig says which certificates an ACME authority is to issue.
type ACMEConfig struct {
	Domains   []string `yaml:"domains"`   // empty: none
	Email     string   `yaml:"email"`     // told to the authority
	Directory string   `yaml:"directory"` // URL; "": Let's Encrypt
	CA        string   `yaml:"ca"`        // PEM file that vouches for the directory's server; "": the system's
	Challenge string   `yaml:"challenge"` // http-01, tls-alpn-01; "": whichever works
}

// acmeDir is where ACME's accounts, keys and certificates are in the data directory.
const acmeDir = "acme"

func (r *reading) checkACME(c *Config) {
	a := &c.TLS.ACME
	if len(a.Domains) == 0 {
		return
	}
	r.checkEntries("tls.acme.domains", a.Domains, acmecerts.CheckDomain)
	if c.DataDir == "" {
		r.bad("tls.acme.domains", "certificates must be kept somewhere, or each start would ask for new ones; set data_dir")
	}
	if a.Directory != "" {
		if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
			r.bad("tls.acme.directory", "want a URL that begins with https://, got %q", a.Directory)
		}
	}
	if a.Challenge != "" {
		r.checkWord("tls.acme.challenge", a.Challenge, acmecerts.HTTP01, acmecerts.TLSALPN01)
	}
}

// roots returns who vouches for the directory's server; nil: the system knows.
func (a *ACMEConfig) roots() (*x509.CertPool, error) {
	if a.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(a.CA)
	if err != nil {
		return nil, errors.New(reasonOf(err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("holds no certificate in PEM")
	}
	return pool, nil
}

// newACME returns who gets certificates for domains; nil: nobody is to.
func (s *server) newACME(log *slog.Logger, set *metrics.Set) (*acmecerts.Manager, error) {
	a := &s.cfg.TLS.ACME
	if len(a.Domains) == 0 {
		return nil, nil
	}
	roots, err := a.roots()
	if err != nil {
		return nil, fmt.Errorf("tls.acme.ca: %s: %w", a.CA, err)
	}
	for _, l := range s.public {
		if addr, ok := l.Addr().(*net.TCPAddr); ok {
			return acmecerts.New(acmecerts.Config{
				Domains: a.Domains, Email: a.Email, Directory: a.Directory, Roots: roots, Challenge: a.Challenge,
				Dir: filepath.Join(s.cfg.DataDir, acmeDir), Listener: addr, Log: log, Metrics: set,
			})
		}
	}
	return nil, errors.New("tls.acme: an authority can only reach a server that listens on a TCP port")
}

// ask makes m a source of certificates.
func ask(m *acmecerts.Manager, from *certs.Config) {
	if m == nil {
		return
	}
	from.MoreProtocols = []string{acmecerts.Protocol}
	from.More = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return m.Certificate(hello) }
}
