package certs_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/certs"
)

// A maker writes pairs into a directory.
type maker struct {
	t   *testing.T
	dir string
}

// write makes a certificate for names and returns its pair; what was at its place is
// replaced.
func (m maker) write(file string, names ...string) certs.Pair {
	m.t.Helper()
	cert, key, err := certs.SelfSigned(names, time.Now().Add(-time.Hour), time.Now().Add(100*time.Hour))
	m.check(err)
	p := certs.Pair{Cert: filepath.Join(m.dir, file+".pem"), Key: filepath.Join(m.dir, file+".key")}
	m.put(p.Cert, cert)
	m.put(p.Key, key)
	return p
}

func (m maker) put(path string, text []byte) { m.t.Helper(); m.check(os.WriteFile(path, text, 0o600)) }

func (m maker) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func open(t *testing.T, cfg certs.Config) (*certs.Store, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	s, err := certs.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

// handshake returns what both sides have agreed on.
func handshake(t *testing.T, server *tls.Config, change func(*tls.Config)) (tls.ConnectionState, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	deadline := time.Now().Add(20 * time.Second)
	_ = ours.SetDeadline(deadline)
	_ = theirs.SetDeadline(deadline)
	go func() {
		s := tls.Server(ours, server)
		if s.Handshake() == nil {
			_, _ = s.Write([]byte("x")) // the client reads tickets with it
		}
		_, _ = s.Read(make([]byte, 1))
	}()
	config := &tls.Config{InsecureSkipVerify: true}
	change(config)
	c := tls.Client(theirs, config)
	if err := c.Handshake(); err != nil {
		return tls.ConnectionState{}, err
	}
	_, err := c.Read(make([]byte, 1))
	return c.ConnectionState(), err
}

// names returns the names of the certificate that a client asking for host gets.
func names(t *testing.T, s *certs.Store, host string) string {
	t.Helper()
	state, err := handshake(t, s.TLS(), func(c *tls.Config) { c.ServerName = host })
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(state.PeerCertificates[0].DNSNames, " ")
}

func TestTheNameAskedForChoosesTheCertificate(t *testing.T) {
	m := maker{t, t.TempDir()}
	s, _ := open(t, certs.Config{Pairs: []certs.Pair{
		m.write("first", "a.test", "B.test"), m.write("wild", "*.c.test"), m.write("exact", "x.c.test"),
	}})
	for host, want := range map[string]string{
		"a.test":     "a.test B.test",
		"A.TEST":     "a.test B.test",
		"b.test":     "a.test B.test",
		"x.c.test":   "x.c.test",
		"y.c.test":   "*.c.test",
		"c.test":     "a.test B.test", // a wildcard stands for one label (RFC 9525 §6.3)
		"z.y.c.test": "a.test B.test",
		"other":      "a.test B.test",
		"":           "a.test B.test",
	} {
		if got := names(t, s, host); got != want {
			t.Errorf("%q gets the certificate of %q, want %q", host, got, want)
		}
	}
}

func TestAClientGetsACertificateOfAKindItKnows(t *testing.T) {
	m := maker{t, t.TempDir()}
	ec := m.write("ec", "a.test")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	m.check(err)
	template := x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.test"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	m.check(err)
	old := certs.Pair{Cert: filepath.Join(m.dir, "rsa.pem"), Key: filepath.Join(m.dir, "rsa.pem")}
	m.put(old.Cert, append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})...))
	s, _ := open(t, certs.Config{Pairs: []certs.Pair{ec, old}})
	for suite, want := range map[uint16]x509.PublicKeyAlgorithm{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: x509.ECDSA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:   x509.RSA,
	} {
		state, err := handshake(t, s.TLS(), func(c *tls.Config) {
			c.ServerName, c.MaxVersion, c.CipherSuites = "a.test", tls.VersionTLS12, []uint16{suite}
		})
		if err != nil || state.PeerCertificates[0].PublicKeyAlgorithm != want {
			t.Errorf("%s: %v, %v; want %v", tls.CipherSuiteName(suite), state.PeerCertificates, err, want)
		}
	}
}

func TestOldVersionsAndForeignProtocolsAreRefused(t *testing.T) {
	m := maker{t, t.TempDir()}
	p := m.write("a", "a.test")
	s, _ := open(t, certs.Config{Pairs: []certs.Pair{p}})
	for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		_, err := handshake(t, s.TLS(), func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version })
		if (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	only13, _ := open(t, certs.Config{Pairs: []certs.Pair{p}, MinVersion: tls.VersionTLS13})
	if _, err := handshake(t, only13.TLS(), func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err == nil {
		t.Error("1.2 is accepted where 1.3 is the least")
	}
	for _, tt := range []struct {
		offered []string
		want    string
		ok      bool
	}{{nil, "", true}, {[]string{"h2", "http/1.1"}, "http/1.1", true}, {[]string{"h2"}, "", false}} {
		state, err := handshake(t, s.TLS(), func(c *tls.Config) { c.NextProtos = tt.offered })
		if (err == nil) != tt.ok || state.NegotiatedProtocol != tt.want {
			t.Errorf("offered %q: %q, %v", tt.offered, state.NegotiatedProtocol, err)
		}
	}
}

func TestAChangedFileIsUsedAndABadOneIsNot(t *testing.T) {
	m := maker{t, t.TempDir()}
	a, b := m.write("a", "old.test"), m.write("b", "b.test")
	set := metrics.NewSet()
	s, log := open(t, certs.Config{Pairs: []certs.Pair{a, b}, Metrics: set})
	cache := tls.NewLRUClientSessionCache(1)
	remember := func(c *tls.Config) { c.ServerName, c.ClientSessionCache = "old.test", cache }
	if _, err := handshake(t, s.TLS(), remember); err != nil {
		t.Fatal(err)
	}
	if s.Reload(false) || log.Len() > 0 {
		t.Errorf("nothing has changed, and the log says %s", log)
	}
	m.write("a", "new.test")
	if s.Reload(false) || names(t, s, "new.test") != "new.test" || !strings.Contains(log.String(), "certificate read again") {
		t.Errorf("the new certificate is not in use: %s", log)
	}
	if state, err := handshake(t, s.TLS(), remember); err != nil || !state.DidResume {
		t.Errorf("a session from before is resumed: %v, %v", state.DidResume, err)
	}
	// Each of the ways in which a new file can be bad; the other pair is not held up by it.
	good, err := os.ReadFile(a.Cert)
	m.check(err)
	for i, bad := range [][]byte{nil, []byte("no PEM"), good[:len(good)/2], bytes.Replace(good, []byte("MII"), []byte("MIJ"), 1)} {
		log.Reset()
		m.put(a.Cert, bad)
		m.write("b", "b.test", "more.test")
		if !s.Reload(false) || names(t, s, "new.test") != "new.test" || !strings.Contains(log.String(), a.Cert) {
			t.Errorf("bad file %d: %q serves new.test; log %s", i, names(t, s, "new.test"), log)
		}
		if names(t, s, "more.test") != "b.test more.test" {
			t.Error("the other pair has not been read")
		}
		log.Reset()
		if !s.Reload(false) || log.Len() > 0 {
			t.Errorf("it is complained about twice: %s", log)
		}
		if !s.Reload(true) || log.Len() == 0 {
			t.Error("a person who asks is not told")
		}
		m.put(a.Cert, good)
		if s.Reload(false) {
			t.Error("the file is good again, and refused")
		}
	}
	m.write("other", "other.test")
	otherKey, err := os.ReadFile(filepath.Join(m.dir, "other.key"))
	m.check(err)
	m.put(a.Cert, good)
	goodKey, err := os.ReadFile(a.Key)
	m.check(err)
	m.put(a.Key, otherKey)
	log.Reset()
	if !s.Reload(false) || names(t, s, "new.test") != "new.test" || !strings.Contains(log.String(), "does not go with") {
		t.Errorf("a key of another certificate: %s", log)
	}
	m.put(a.Key, goodKey)
	if s.Reload(false) {
		t.Error("the files are good again, and refused")
	}
	var text strings.Builder
	set.WritePrometheus(&text)
	if !strings.Contains(text.String(), `gannet_certs_expiry_seconds{certificate="`+a.Cert+`"} 359`) {
		t.Errorf("100 hours are not 359,999 s and less in\n%s", &text)
	}
}

func TestBadFilesAreNamedAndTellNoKey(t *testing.T) {
	m := maker{t, t.TempDir()}
	a, b := m.write("a", "a.test"), m.write("b", "b.test")
	key, err := os.ReadFile(a.Key)
	m.check(err)
	nothing := filepath.Join(m.dir, "nothing")
	broken := filepath.Join(m.dir, "broken")
	m.put(broken, append(append([]byte("-----BEGIN PRIVATE KEY-----\n"), key[40:100]...), "\n-----END PRIVATE KEY-----\n"...))
	locked := filepath.Join(m.dir, "locked")
	m.put(locked, bytes.ReplaceAll(key, []byte("PRIVATE KEY"), []byte("ENCRYPTED PRIVATE KEY")))
	for _, tt := range []struct {
		pair certs.Pair
		file string
		key  bool
		text string
	}{
		{certs.Pair{Cert: nothing, Key: a.Key}, nothing, false, "no such file"},
		{certs.Pair{Cert: a.Cert, Key: nothing}, nothing, true, "no such file"},
		{certs.Pair{Cert: a.Key, Key: a.Cert}, a.Key, false, "no certificate"},
		{certs.Pair{Cert: a.Cert, Key: a.Cert}, a.Cert, true, "no private key"},
		{certs.Pair{Cert: a.Cert, Key: b.Key}, b.Key, true, "does not go with"},
		{certs.Pair{Cert: a.Cert, Key: locked}, locked, true, "not encrypted"},
		{certs.Pair{Cert: a.Cert, Key: broken}, broken, true, ""},
	} {
		_, err := tt.pair.Load()
		var bad *certs.PairError
		if !errors.As(err, &bad) || bad.File != tt.file || bad.Key != tt.key || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%+v: %#v", tt.pair, err)
			continue
		}
		if strings.Contains(err.Error(), string(key[60:80])) {
			t.Errorf("the error shows the key: %v", err)
		}
		if _, err := certs.Open(certs.Config{Pairs: []certs.Pair{tt.pair}}); !errors.As(err, &bad) {
			t.Errorf("Open: %v", err)
		}
	}
}

func TestDoubtsAreAboutWhatClientsObjectTo(t *testing.T) {
	m := maker{t, t.TempDir()}
	l, err := m.write("a", "a.test").Load()
	m.check(err)
	for at, want := range map[time.Duration]string{0: "", -2 * time.Hour: "not valid before", 101 * time.Hour: "expired on"} {
		if got := l.Doubt(time.Now().Add(at)); !strings.HasPrefix(got, want) && !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%v from now: %q, want %q", at, got, want)
		}
	}
	nameless, err := m.write("n").Load()
	m.check(err)
	if got := nameless.Doubt(time.Now()); !strings.Contains(got, "names no host") {
		t.Errorf("without names: %q", got)
	}
}

const secrets = "# newest first\n00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

func TestNodesWithTheSameSecretResumeEachOthersSessions(t *testing.T) {
	m := maker{t, t.TempDir()}
	p, file := m.write("a", "a.test"), filepath.Join(m.dir, "tickets")
	m.put(file, []byte(secrets))
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	node := func(at time.Time) *certs.Store {
		s, _ := open(t, certs.Config{Pairs: []certs.Pair{p}, TicketSecrets: file, Now: func() time.Time { return at }})
		return s
	}
	resumes := func(made, shown *certs.Store) bool {
		cache := tls.NewLRUClientSessionCache(1)
		remember := func(c *tls.Config) { c.ServerName, c.ClientSessionCache = "a.test", cache }
		if _, err := handshake(t, made.TLS(), remember); err != nil {
			t.Fatal(err)
		}
		state, err := handshake(t, shown.TLS(), remember)
		if err != nil {
			t.Fatal(err)
		}
		return state.DidResume
	}
	today := node(noon)
	for what, tt := range map[string]struct {
		other *certs.Store
		want  bool
	}{
		"another node":                     {node(noon), true},
		"a node whose clock is behind":     {node(noon.Add(-24 * time.Hour)), true},
		"a week later":                     {node(noon.Add(7 * 24 * time.Hour)), true},
		"eight days later":                 {node(noon.Add(8 * 24 * time.Hour)), false},
		"a node whose clock is far behind": {node(noon.Add(-48 * time.Hour)), false},
	} {
		if got := resumes(today, tt.other); got != tt.want {
			t.Errorf("%s: resumed %v", what, got)
		}
	}
	m.put(file, []byte(strings.Repeat("ab", 32)+"\n"+secrets)) // a new one in front
	rotated := node(noon)
	if !resumes(today, rotated) || resumes(rotated, today) {
		t.Error("with a new secret in front, the old one's tickets are to be good, and not the other way round")
	}
	if today.Reload(false) || !resumes(rotated, today) {
		t.Error("the new secret is in use after a reload")
	}
	m.put(file, []byte(strings.Repeat("cd", 32)))
	if resumes(today, node(noon)) {
		t.Error("tickets of another secret are accepted")
	}
}

// The first key of a day makes tickets that only this day's derivation opens: they are not
// those of the day before.
func TestKeysChangeEachDay(t *testing.T) {
	m := maker{t, t.TempDir()}
	p, file := m.write("a", "a.test"), filepath.Join(m.dir, "tickets")
	m.put(file, []byte(secrets))
	now := time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)
	s, _ := open(t, certs.Config{Pairs: []certs.Pair{p}, TicketSecrets: file, Now: func() time.Time { return now }})
	cache := tls.NewLRUClientSessionCache(1)
	remember := func(c *tls.Config) { c.ServerName, c.ClientSessionCache = "a.test", cache }
	now = now.Add(2 * time.Minute)
	if s.Reload(false) {
		t.Fatal("bad")
	}
	if _, err := handshake(t, s.TLS(), remember); err != nil {
		t.Fatal(err)
	}
	// A ticket of the second of March is not good in late February, where that of the first is.
	old, _ := open(t, certs.Config{Pairs: []certs.Pair{p}, TicketSecrets: file, Now: func() time.Time { return now.Add(-48 * time.Hour) }})
	if state, err := handshake(t, old.TLS(), remember); err != nil || state.DidResume {
		t.Errorf("resumed %v, %v: the key of the day before is in use", state.DidResume, err)
	}
}

func TestBadTicketSecretsAreRefused(t *testing.T) {
	m := maker{t, t.TempDir()}
	p, file := m.write("a", "a.test"), filepath.Join(m.dir, "tickets")
	for _, text := range []string{"", "# nothing\n", "abcd\n", strings.Repeat("zz", 32), secrets + "0011"} {
		m.put(file, []byte(text))
		if err := certs.CheckTicketSecrets(file); err == nil || text != "" && len(text) > 20 && strings.Contains(err.Error(), text[:20]) {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := certs.Open(certs.Config{Pairs: []certs.Pair{p}, TicketSecrets: file}); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestMoreIsAskedLastAndFirstForItsProtocols(t *testing.T) {
	m := maker{t, t.TempDir()}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	m.check(err)
	template := x509.Certificate{SerialNumber: big.NewInt(9), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"more"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	m.check(err)
	more := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	s, _ := open(t, certs.Config{
		Pairs:         []certs.Pair{m.write("a", "a.test")},
		MoreProtocols: []string{"acme-tls/1"},
		More: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName == "unknown.test" {
				return nil, errors.New("unknown")
			}
			return more, nil
		},
	})
	for host, want := range map[string]string{"a.test": "a.test", "b.test": "more", "unknown.test": "a.test"} {
		if got := names(t, s, host); got != want {
			t.Errorf("%s gets %q, want %q", host, got, want)
		}
	}
	state, err := handshake(t, s.TLS(), func(c *tls.Config) { c.ServerName, c.NextProtos = "a.test", []string{"acme-tls/1"} })
	if err != nil || state.NegotiatedProtocol != "acme-tls/1" || state.PeerCertificates[0].DNSNames[0] != "more" {
		t.Errorf("a challenge gets %v, %v", state.PeerCertificates, err)
	}
}
