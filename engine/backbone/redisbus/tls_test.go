package redisbus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

// certificate writes a certificate for 127.0.0.1 that signs itself, for both sides, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, data []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "EC PRIVATE KEY", secret)
}

func TestBusSpeaksTLSWithCertificatesOnBothSides(t *testing.T) {
	cert, key := certificate(t)
	port := freePort(t)
	startServer(t, "--tls-port", fmt.Sprint(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "yes", "--requirepass", password)
	config := redisbus.Config{URL: fmt.Sprintf("rediss://127.0.0.1:%d", port), Password: password, Name: "a", CAFile: cert, CertFile: cert, KeyFile: key}
	a := join(t, newBus(t, config))
	config.Name = "b"
	b := join(t, newBus(t, config))
	keep := &backbone.Retention{Events: 10}
	b.attach("t", keep)
	a.ok("Publish", a.Publish("t", []byte("m")))
	a.ok("Append", a.Append("t", keep, []byte("s")))
	a.ok("Put", a.Put(entry("k", "v")))
	b.until("all", func() bool {
		return strings.Join(b.messages["t"], "") == "m" && strings.Join(b.log["t"], "") == "s" && b.entries[a.self.ID]["k"] == "v"
	})
}
