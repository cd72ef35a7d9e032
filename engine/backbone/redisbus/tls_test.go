package redisbus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/backbonetest"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

// both writes what vouches for two authorities.
func both(t *testing.T, one, other *backbonetest.Authority) string {
	t.Helper()
	var text []byte
	for _, a := range []*backbonetest.Authority{one, other} {
		pem, err := os.ReadFile(a.File)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, pem...)
	}
	path := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBusSpeaksTLSWithCertificatesOnBothSidesWhichMayChange(t *testing.T) {
	authority, next := backbonetest.NewAuthority(t), backbonetest.NewAuthority(t)
	port := freePort(t)
	serverCert, serverKey := authority.Files()
	s := startServer(t, "--tls-port", fmt.Sprint(port), "--tls-cert-file", serverCert, "--tls-key-file", serverKey, "--tls-ca-cert-file", authority.File, "--tls-auth-clients", "yes", "--requirepass", password)
	cert, key := authority.Files()
	config := redisbus.Config{URL: fmt.Sprintf("rediss://127.0.0.1:%d", port), Password: password, Name: "a", CAFile: both(t, authority, next), CertFile: cert, KeyFile: key}
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

	// Both sides change to another authority's, the server by starting anew.
	next.Sign(cert, key)
	next.Sign(serverCert, serverKey)
	s.kill()
	s.again("--tls-ca-cert-file", next.File)
	for _, n := range []*witness{a, b} {
		n.until("another incarnation, with the new certificate", func() bool { return n.rejoins == 2 && n.up })
	}
}
