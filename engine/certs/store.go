package certs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Config says where certificates come from.
type Config struct {
	// Pairs are read from files, and again when those change. The first is for clients that
	// name no host, or one that no certificate is for.
	Pairs []Pair
	// Fixed is a certificate that does not change, behind those of Pairs. nil: none.
	Fixed *tls.Certificate
	// More is asked for hosts that Pairs and Fixed have nothing for, and for TLS-ALPN-01
	// challenges; it returns nil for what it does not know. nil: nobody is asked.
	More func(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// MoreProtocols are offered in ALPN behind http/1.1.
	MoreProtocols []string

	// TicketSecrets is a file of secrets in hexadecimal digits, one of at least 32 bytes a
	// line, from which each day's ticket key is derived: whoever has the same file can resume
	// each other's sessions. The first makes tickets, the others still open them. "": keys of
	// this process alone, new each day.
	TicketSecrets string

	// ClientCA is a file with the authorities that vouch for clients, which have to show a certificate then. It is read again
	// when it changes. "": clients need none.
	ClientCA string

	// MinVersion is the least version of TLS. 0: tls.VersionTLS12.
	MinVersion uint16

	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: slog.Default()
	Metrics *metrics.Set     // nil: none are exported
}

// A Store is certificates and what chooses among them. Any goroutine.
type Store struct {
	// Set once by Open.
	cfg     Config
	tls     *tls.Config
	metrics *storeMetrics

	current atomic.Pointer[snapshot]
	clients atomic.Pointer[clientPool] // nil without ClientCA

	// Guarded by mu.
	mu       sync.Mutex
	loaded   []*Loaded // by pair
	complain []string  // by pair, then of the client authorities and of the ticket secrets: what was complained about last
	secrets  [][]byte
	digest   [sha256.Size]byte // of the secrets' file
	keyed    int64             // the period for which ticket keys are set
}

// A snapshot is what handshakes look at. Immutable.
type snapshot struct {
	all    []*tls.Certificate
	byName map[string][]*tls.Certificate // lower case, wildcards as they are
}

// Open reads what cfg names. The error joins a *PairError for each bad file. May block on
// the files.
func Open(cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.NewSet()
	}
	s := &Store{cfg: cfg, complain: make([]string, len(cfg.Pairs)+2)}
	s.tls = &tls.Config{
		GetCertificate:              s.certificate,
		DynamicRecordSizingDisabled: true,
		MinVersion:                  max(cfg.MinVersion, tls.VersionTLS12),
		NextProtos:                  append([]string{"http/1.1"}, cfg.MoreProtocols...),
	}
	var errs error
	for _, p := range cfg.Pairs {
		l, err := p.Load()
		errs = errors.Join(errs, err)
		s.loaded = append(s.loaded, l)
	}
	if cfg.TicketSecrets != "" {
		_, err := s.readSecrets()
		errs = errors.Join(errs, err)
	}
	if cfg.ClientCA != "" {
		_, err := s.readClients()
		errs = errors.Join(errs, err)
		s.tls.ClientAuth, s.tls.VerifyConnection = tls.RequireAnyClientCert, s.verifyClient
	}
	if errs != nil {
		return nil, errs
	}
	if err := s.setTicketKeys(); err != nil {
		return nil, err
	}
	s.swap()
	s.metrics = newMetrics(s, cfg.Metrics)
	for i, l := range s.loaded {
		s.doubt(i, l)
	}
	return s, nil
}

// TLS returns the configuration for all handshakes, which is not to be changed. Cloning it
// is fine, but then ticket keys do not follow. Shared.
func (s *Store) TLS() *tls.Config { return s.tls }

// doubt warns of a certificate that is in use and that clients will not like.
func (s *Store) doubt(i int, l *Loaded) {
	if text := l.Doubt(s.cfg.Now()); text != "" {
		s.cfg.Log.Warn("a certificate that clients will object to", "file", s.cfg.Pairs[i].Cert, "it", text)
	}
}

// swap makes what is loaded current. mu is held, or nobody else has s yet.
func (s *Store) swap() {
	next := &snapshot{byName: make(map[string][]*tls.Certificate)}
	add := func(c *tls.Certificate) {
		next.all = append(next.all, c)
		if c.Leaf == nil {
			return
		}
		for _, name := range c.Leaf.DNSNames {
			name = strings.ToLower(name)
			next.byName[name] = append(next.byName[name], c)
		}
	}
	for _, l := range s.loaded {
		add(&l.Certificate)
	}
	if s.cfg.Fixed != nil {
		add(s.cfg.Fixed)
	}
	s.current.Store(next)
}

// certificate chooses for one handshake: by name, then by what the client's algorithms allow.
func (s *Store) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := s.current.Load()
	if !slices.Equal(hello.SupportedProtos, s.cfg.MoreProtocols) || len(hello.SupportedProtos) == 0 {
		name := strings.TrimSuffix(strings.ToLower(hello.ServerName), ".")
		if c := fitting(hello, now.byName[name]); c != nil {
			return c, nil
		}
		if _, parent, ok := strings.Cut(name, "."); ok {
			if c := fitting(hello, now.byName["*."+parent]); c != nil {
				return c, nil
			}
		}
	}
	if s.cfg.More != nil {
		c, err := s.cfg.More(hello)
		if c != nil {
			return c, nil
		}
		if len(now.all) == 0 && err != nil {
			return nil, err
		}
	}
	if c := fitting(hello, now.all); c != nil {
		return c, nil
	}
	return nil, errors.New("certs: no certificate for this host")
}

// fitting returns the first of certs that the client can use, else the first: its handshake
// fails with the right alert then. nil when there are none.
func fitting(hello *tls.ClientHelloInfo, certs []*tls.Certificate) *tls.Certificate {
	if len(certs) == 0 {
		return nil
	}
	if len(certs) > 1 {
		// The name may be one that only the caller takes for a match.
		asked := *hello
		asked.ServerName = ""
		for _, c := range certs {
			if asked.SupportsCertificate(c) == nil {
				return c
			}
		}
	}
	return certs[0]
}

// Reload reads all files again and uses those that are good. What is bad is logged, counted
// and left aside: what was read before stays. always logs also what has not changed since the
// last complaint, for a person who asks. It returns whether something is bad. May block on
// the files.
func (s *Store) Reload(always bool) (bad bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for i, p := range s.cfg.Pairs {
		l, err := s.reread(i, p)
		if err != nil {
			bad = true
			s.refuse(i, err, always)
			continue
		}
		s.complain[i] = ""
		if l != nil {
			s.loaded[i] = l
			changed = true
			s.metrics.reloaded.Inc()
			s.cfg.Log.Info("certificate read again", "file", p.Cert, "names", l.Names(), "expires", l.Expires().UTC().Format(time.RFC3339))
			s.doubt(i, l)
		}
	}
	if changed {
		s.swap()
	}
	if s.cfg.ClientCA != "" {
		at := len(s.cfg.Pairs)
		fresh, err := s.readClients()
		if err != nil {
			bad = true
			s.refuse(at, err, always)
		} else if s.complain[at] = ""; fresh {
			s.metrics.reloaded.Inc()
			s.cfg.Log.Info("authorities of clients read again", "file", s.cfg.ClientCA)
		}
	}
	if s.cfg.TicketSecrets != "" {
		last := len(s.complain) - 1
		switch fresh, err := s.readSecrets(); {
		case err != nil:
			bad = true
			s.refuse(last, err, always)
		case fresh:
			s.complain[last] = ""
			s.keyed = 0
			s.metrics.reloaded.Inc()
			s.cfg.Log.Info("ticket secrets read again", "file", s.cfg.TicketSecrets, "secrets", len(s.secrets))
		default:
			s.complain[last] = ""
		}
	}
	if err := s.setTicketKeys(); err != nil {
		s.cfg.Log.Error("session ticket keys", "err", err)
		bad = true
	}
	return bad
}

// reread loads a pair, or returns nil when it is as before.
func (s *Store) reread(i int, p Pair) (*Loaded, error) {
	l, err := p.Load()
	if err != nil || l.digest == s.loaded[i].digest {
		return nil, err
	}
	return l, nil
}

// refuse counts and logs a file that cannot be used, once for each thing that is wrong.
func (s *Store) refuse(i int, err error, always bool) {
	if s.complain[i] == err.Error() && !always {
		return
	}
	s.complain[i] = err.Error()
	s.metrics.failed.Inc()
	s.cfg.Log.Error("a file for TLS cannot be used; what was read before stays in use", "err", err)
}

// readSecrets reads the ticket secrets and returns whether they are new.
func (s *Store) readSecrets() (fresh bool, err error) {
	text, err := os.ReadFile(s.cfg.TicketSecrets)
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.cfg.TicketSecrets, plain(err))
	}
	digest := sha256.Sum256(bytes.TrimSpace(text))
	if digest == s.digest {
		return false, nil
	}
	secrets, err := parseSecrets(text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.cfg.TicketSecrets, err)
	}
	s.secrets, s.digest = secrets, digest
	return true, nil
}

// CheckTicketSecrets says what is wrong with a file of ticket secrets. May block on it.
func CheckTicketSecrets(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return plain(err)
	}
	_, err = parseSecrets(text)
	return err
}

// setTicketKeys sets the keys of today, unless they are set.
func (s *Store) setTicketKeys() error {
	now := s.cfg.Now()
	period := now.Unix() / int64(ticketPeriod/time.Second)
	if len(s.secrets) == 0 || s.keyed == period {
		return nil
	}
	keys, err := ticketKeys(s.secrets, now)
	if err != nil {
		return err
	}
	s.tls.SetSessionTicketKeys(keys)
	s.keyed = period
	return nil
}

// Watch looks at the files each time ticks gives a value, until ctx is done. May block.
func (s *Store) Watch(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			s.Reload(false)
		}
	}
}
