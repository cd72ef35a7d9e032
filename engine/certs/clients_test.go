package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/certs"
)

// clientCertificate returns a certificate for a client, which vouches for itself, and that in PEM.
func (m maker) clientCertificate(usage x509.ExtKeyUsage) (tls.Certificate, []byte) {
	m.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	m.check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	m.check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestClientsAreVouchedForByWhoIsInTheFileNow(t *testing.T) {
	m := maker{t, t.TempDir()}
	pair, file := m.write("server", "localhost"), filepath.Join(m.dir, "clients.pem")
	ann, annPEM := m.clientCertificate(x509.ExtKeyUsageClientAuth)
	bob, bobPEM := m.clientCertificate(x509.ExtKeyUsageClientAuth)
	site, sitePEM := m.clientCertificate(x509.ExtKeyUsageServerAuth)
	m.put(file, append(annPEM, sitePEM...))
	s, log := open(t, certs.Config{Pairs: []certs.Pair{pair}, ClientCA: file})

	cache := tls.NewLRUClientSessionCache(1)
	try := func(who string, want bool, shown ...tls.Certificate) {
		t.Helper()
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			state, err := handshake(t, s.TLS(), func(c *tls.Config) {
				c.Certificates, c.MinVersion, c.MaxVersion = shown, version, version
				if who == "ann" && version == tls.VersionTLS13 {
					c.ServerName, c.ClientSessionCache = "localhost", cache
				}
			})
			if (err == nil) != want {
				t.Errorf("%s, version %x, resumed %t: %v", who, version, state.DidResume, err)
			}
		}
	}
	try("nobody", false)
	try("ann", true, ann)
	try("bob", false, bob)
	try("a server", false, site) // its certificate is not for clients

	m.put(file, bobPEM)
	if s.Reload(false) {
		t.Errorf("something is bad: %s", log)
	}
	try("ann", false, ann) // also by the session that she has
	try("bob", true, bob)

	m.put(file, []byte("nothing"))
	if !s.Reload(false) || !strings.Contains(log.String(), "holds no certificate in PEM") {
		t.Errorf("a file without certificates was taken: %s", log)
	}
	try("bob", true, bob)
}

func TestABadFileOfClientAuthoritiesIsNamed(t *testing.T) {
	m := maker{t, t.TempDir()}
	_, err := certs.Open(certs.Config{Pairs: []certs.Pair{m.write("server", "localhost")}, ClientCA: filepath.Join(m.dir, "missing.pem")})
	if err == nil || !strings.Contains(err.Error(), "missing.pem") {
		t.Errorf("got %v", err)
	}
	if err := certs.CheckClientCA(filepath.Join(m.dir, "server.key")); err == nil {
		t.Error("a key vouches for clients")
	}
}
