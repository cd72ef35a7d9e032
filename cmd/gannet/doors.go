package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/certs"
)

// DoorTLSConfig is TLS of one listener that is not public: it speaks nothing else.
type DoorTLSConfig struct {
	Certificates []CertificateConfig `yaml:"certificates"` // the first is for clients that name no host; none: no TLS
	MinVersion   string              `yaml:"min_version"`  // 1.2, 1.3
	ClientCA     string              `yaml:"client_ca"`    // PEM file with who vouches for clients; "": they need no certificate
}

// on reports whether the listener speaks TLS.
func (t *DoorTLSConfig) on() bool { return len(t.Certificates) > 0 }

// scheme is that of URLs of the listener.
func (t *DoorTLSConfig) scheme() string {
	if t.on() {
		return "https"
	}
	return "http"
}

func (t *DoorTLSConfig) pairs() []certs.Pair {
	pairs := make([]certs.Pair, 0, len(t.Certificates))
	for _, c := range t.Certificates {
		pairs = append(pairs, certs.Pair(c))
	}
	return pairs
}

// checkDoor checks one of them, at a key such as admin.tls.
func (r *reading) checkDoor(key string, t *DoorTLSConfig) {
	r.checkCertificates(key+".certificates", t.Certificates)
	r.checkWord(key+".min_version", t.MinVersion, "1.2", "1.3")
	if t.ClientCA != "" && !t.on() {
		r.bad(key+".client_ca", "clients show certificates over TLS alone; name the server's own in %s.certificates", key)
	}
}

// open reads the certificates; nil: there is to be no TLS.
func (t *DoorTLSConfig) open(log *slog.Logger, set *metrics.Set) (*certs.Store, error) {
	if !t.on() {
		return nil, nil
	}
	return certs.Open(certs.Config{Pairs: t.pairs(), MinVersion: tlsVersions[t.MinVersion], ClientCA: t.ClientCA, Log: log, Metrics: set})
}

// openDoors reads the certificates of the listeners that are not public.
func (s *server) openDoors(set *metrics.Set) error {
	var err1, err2 error
	s.restCerts, err1 = s.cfg.REST.TLS.open(s.log, set)
	s.adminCerts, err2 = s.cfg.Admin.TLS.open(s.log, set)
	if err1 != nil {
		err1 = fmt.Errorf("rest.tls: %w", err1)
	}
	if err2 != nil {
		err2 = fmt.Errorf("admin.tls: %w", err2)
	}
	return errors.Join(err1, err2)
}

// stores returns all that have files to look at.
func (s *server) stores() (all []*certs.Store) {
	for _, store := range []*certs.Store{s.certs, s.restCerts, s.adminCerts} {
		if store != nil {
			all = append(all, store)
		}
	}
	return all
}

// tlsOf returns what handshakes go by; nil: there is no TLS.
func tlsOf(store *certs.Store) *tls.Config {
	if store == nil {
		return nil
	}
	return store.TLS()
}

// sealed has ln speak TLS if there are certificates for it.
func sealed(ln net.Listener, store *certs.Store) net.Listener {
	if store == nil {
		return ln
	}
	return tls.NewListener(ln, store.TLS())
}
