package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/certs"
	"github.com/gannet-io/gannet/engine/certs/acmecerts"
)

// TLSConfig says with which certificates connections are encrypted, and when they are to be.
type TLSConfig struct {
	Certificates  []CertificateConfig `yaml:"certificates"` // the first is for clients that name no host
	ACME          ACMEConfig          `yaml:"acme"`
	Require       bool                `yaml:"require"`     // plain WebSockets get 4000, plain requests 403
	MinVersion    string              `yaml:"min_version"` // 1.2, 1.3
	HSTS          time.Duration       `yaml:"hsts"`        // whole seconds, told to browsers; 0: nothing is
	TicketSecrets string              `yaml:"ticket_secrets"`
	Handshakes    int                 `yaml:"handshakes"` // computing at once; 0: see engine.TLS
}

// CertificateConfig is one entry of tls.certificates: the names of two PEM files.
type CertificateConfig struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// tlsVersions are the words for TLSConfig.MinVersion.
var tlsVersions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// lookAtFiles is how often certificate files are looked at.
const lookAtFiles = 10 * time.Second

// offersTLS reports whether clients may come over TLS.
func (c *Config) offersTLS() bool {
	return len(c.TLS.Certificates) > 0 || len(c.TLS.ACME.Domains) > 0 || c.DevTLS
}

func (t *TLSConfig) pairs() []certs.Pair {
	pairs := make([]certs.Pair, 0, len(t.Certificates))
	for _, c := range t.Certificates {
		pairs = append(pairs, certs.Pair(c))
	}
	return pairs
}

func (r *reading) checkTLS(c *Config) {
	t := &c.TLS
	r.checkCertificates("tls.certificates", t.Certificates)
	r.checkDoor("admin.tls", &c.Admin.TLS)
	r.checkDoor("rest.tls", &c.REST.TLS)
	r.checkACME(c)
	r.checkWord("tls.min_version", t.MinVersion, "1.2", "1.3")
	if t.HSTS%time.Second != 0 {
		r.bad("tls.hsts", "must be whole seconds: browsers are told it as a number of seconds")
	}
	if c.offersTLS() {
		return
	}
	// A proxy that does TLS needs no certificates of ours.
	if t.HSTS > 0 && len(c.Proxies.Trusted) == 0 {
		r.bad("tls.hsts", "nobody can come over TLS; name certificates in tls.certificates")
	}
	if t.Require && len(c.Proxies.Trusted) == 0 {
		r.bad("tls.require", "nobody can come over TLS; name certificates in tls.certificates, or list the proxies that do TLS in proxies.trusted")
	}
}

func (r *reading) checkCertificates(key string, list []CertificateConfig) {
	for i, cert := range list {
		path := fmt.Sprintf("%s[%d]", key, i)
		if cert.Cert == "" {
			r.bad(path+".cert", "want the name of a PEM file with the certificate and its chain")
		}
		if cert.Key == "" {
			r.bad(path+".key", "want the name of a PEM file with the private key")
		}
	}
}

// checkFiles adds what is wrong with the files that the configuration names.
func (r *reading) checkFiles(c *Config) (doubts []string) {
	for _, of := range []struct {
		key   string
		pairs []certs.Pair
	}{{"tls", c.TLS.pairs()}, {"admin.tls", c.Admin.TLS.pairs()}, {"rest.tls", c.REST.TLS.pairs()}} {
		for i, pair := range of.pairs {
			path := fmt.Sprintf("%s.certificates[%d]", of.key, i)
			l, err := pair.Load()
			var bad *certs.PairError
			switch {
			case errors.As(err, &bad) && bad.Key:
				r.bad(path+".key", "%s", bad)
			case err != nil:
				r.bad(path+".cert", "%s", err)
			default:
				if doubt := l.Doubt(time.Now()); doubt != "" {
					doubts = append(doubts, fmt.Sprintf("%s: the certificate in %s %s", r.whereIs(path+".cert"), pair.Cert, doubt))
				}
			}
		}
	}
	for _, of := range []struct{ key, file string }{{"admin.tls.client_ca", c.Admin.TLS.ClientCA}, {"rest.tls.client_ca", c.REST.TLS.ClientCA}} {
		if of.file != "" {
			if err := certs.CheckClientCA(of.file); err != nil {
				r.bad(of.key, "%s: %s", of.file, err)
			}
		}
	}
	if _, _, err := c.Admin.secrets(); err != nil {
		key, text, _ := strings.Cut(err.Error(), ": ")
		r.bad(key, "%s", text)
	}
	if _, err := c.TLS.ACME.roots(); err != nil {
		r.bad("tls.acme.ca", "%s: %s", c.TLS.ACME.CA, err)
	}
	if file := c.TLS.TicketSecrets; file != "" {
		if err := certs.CheckTicketSecrets(file); err != nil {
			r.bad("tls.ticket_secrets", "%s: %s", file, err)
		}
	}
	r.linkFiles(c)
	return doubts
}

// openCerts reads the certificates. nil: there is to be no TLS.
func (c *Config) openCerts(acme *acmecerts.Manager, log *slog.Logger, set *metrics.Set) (*certs.Store, error) {
	if !c.offersTLS() {
		return nil, nil
	}
	from := certs.Config{
		Pairs:         c.TLS.pairs(),
		TicketSecrets: c.TLS.TicketSecrets,
		MinVersion:    tlsVersions[c.TLS.MinVersion],
		Log:           log,
		Metrics:       set,
	}
	ask(acme, &from)
	if c.DevTLS {
		made, err := devCertificate(c.DataDir, time.Now())
		if err != nil {
			return nil, err
		}
		from.Fixed = made
	}
	return certs.Open(from)
}

// engineTLS returns what the engine is to know of TLS; nil: there is none.
func (c *Config) engineTLS(store *certs.Store) *engine.TLS {
	if store == nil {
		return nil
	}
	return &engine.TLS{Config: store.TLS(), Computing: c.TLS.Handshakes}
}

// devHosts are what a development certificate is for, devLife how long.
var devHosts = []string{"localhost", "127.0.0.1", "::1"}

const devLife = 30 * 24 * time.Hour

// devFile is where a development certificate is, with its key, in the data directory.
const devFile = "dev-tls.pem"

// devCertificate returns the development certificate of the data directory, made if there is
// none that is good for another day. Without a directory it is a new one each time.
func devCertificate(dataDir string, now time.Time) (*tls.Certificate, error) {
	file := filepath.Join(dataDir, devFile)
	if dataDir != "" {
		l, err := certs.Pair{Cert: file, Key: file}.Load()
		if err == nil && l.Doubt(now.Add(24*time.Hour)) == "" {
			return &l.Certificate, nil
		}
	}
	cert, key, err := certs.SelfSigned(devHosts, now.Add(-time.Hour), now.Add(devLife))
	if err != nil {
		return nil, err
	}
	if dataDir != "" {
		if err := os.WriteFile(file, append(cert, key...), 0o600); err != nil {
			return nil, fmt.Errorf("--dev-tls: %w", err)
		}
	}
	made, err := tls.X509KeyPair(cert, key)
	return &made, err
}

// followFiles reads files again when they change, and when somebody asks by SIGHUP, until
// the server stops.
func (s *server) followFiles(ctx context.Context, asked <-chan os.Signal) {
	ticks := time.NewTicker(lookAtFiles)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			s.reload()
		case <-ticks.C:
			for _, store := range s.stores() {
				store.Reload(false)
			}
		}
	}
}

// reload is what SIGHUP asks for.
func (s *server) reload() {
	stores, bad := s.stores(), false
	if len(stores) == 0 {
		s.log.Info("asked to reload, but nothing is read from files while the server runs")
		return
	}
	for _, store := range stores {
		bad = store.Reload(true) || bad
	}
	if bad {
		s.log.Error("reloaded what could be")
		return
	}
	s.log.Info("reloaded")
}

// summarizeTLS says what TLS is configured, a line each.
func summarizeTLS(c *Config) []string {
	var lines []string
	say := func(where string, pairs []certs.Pair) {
		for _, pair := range pairs {
			l, err := pair.Load()
			if err != nil {
				continue // it was complained about
			}
			lines = append(lines, fmt.Sprintf("%s%s for %s until %s", where, pair.Cert, strings.Join(l.Names(), " "), l.Expires().UTC().Format(time.DateOnly)))
		}
	}
	say("", c.TLS.pairs())
	say("rest: ", c.REST.TLS.pairs())
	say("admin: ", c.Admin.TLS.pairs())
	if domains := c.TLS.ACME.Domains; len(domains) > 0 {
		lines = append(lines, "ACME for "+strings.Join(domains, " "))
	}
	return lines
}
