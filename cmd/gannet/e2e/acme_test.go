//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// startPebble starts Let's Encrypt's authority for tests, which finds every name at 127.0.0.1 and the given port. It returns the URL of its directory, a file that
// vouches for its own server, and who vouches for what it issues.
func startPebble(t *testing.T, port int) (directory, caFile string, issued *x509.CertPool) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	ln, err := net.Listen("tcp", "127.0.0.1:0") // it asks over TCP
	check(t, err)
	names := &dns.Server{Listener: ln, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			header := dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}
			m.Answer = append(m.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = names.ActivateAndServe() }()
	t.Cleanup(func() { _ = names.ShutdownContext(context.Background()) })

	silent, store := log.New(io.Discard, "", 0), db.NewMemoryStore()
	issuer := ca.New(silent, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: 90 * 24 * 3600}})
	front := wfe.New(silent, store, va.New(silent, port, port, true, ln.Addr().String(), store), issuer, []string{"pebble.test"}, true, false, 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "pebble.pem")
	check(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	issued = x509.NewCertPool()
	issued.AddCert(issuer.GetRootCert(0).Cert)
	return server.URL + wfe.DirectoryPath, caFile, issued
}

// TestACertificateComesByACME has the real server ask a real authority, by either challenge, and connects with what it got. The server requires TLS and
// answers for one host, which challenges pass.
func TestACertificateComesByACME(t *testing.T) {
	plainOnly(t)
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			port, data := freePort(t), t.TempDir()
			directory, caFile, issued := startPebble(t, port)
			settings := fmt.Sprintf("listen: \"127.0.0.1:%d\"\ndrain_window: 100ms\ndata_dir: %q\nhosts: [ws.shop.test]\n"+
				"tls: { require: true, acme: { domains: [ws.shop.test], email: ops@shop.test, directory: %q, ca: %q, challenge: %s } }\n",
				port, data, directory, caFile, challenge)
			s, err := launch(binary, t.TempDir(), settings)
			s = supervise(t, s, err)
			first := obtained(t, s, issued)
			if text := metricsOf(t, s); !strings.Contains(text, `gannet_acmecerts_orders_total{outcome="obtained"} 1`) ||
				!strings.Contains(text, `gannet_certs_expiry_seconds{certificate="ws.shop.test"} 7.775`) { // ·10⁶: of 7,776,000, less a little
				t.Error("the metrics do not show the certificate of 90 days")
			}
			check(t, s.stop())

			// The next process goes on with what is kept.
			s, err = launch(binary, t.TempDir(), settings)
			s = supervise(t, s, err)
			if second := obtained(t, s, issued); second.Cmp(first) != 0 {
				t.Errorf("after a restart the certificate is another: %x, and was %x", second, first)
			}
			if text := metricsOf(t, s); strings.Contains(text, `gannet_acmecerts_orders_total{outcome="obtained"} 1`) {
				t.Error("after a restart a certificate was asked for, although there is one")
			}
		})
	}
}

// obtained waits until s shows a certificate that was issued for its name, connects with it as clients do, and returns its serial number.
func obtained(t *testing.T, s *server, issued *x509.CertPool) (serial *big.Int) {
	t.Helper()
	trusted := &tls.Config{RootCAs: issued, ServerName: "ws.shop.test"}
	eventually(t, "the server has a certificate of the authority", func() bool {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", s.public, trusted)
		if err != nil {
			return false
		}
		defer conn.Close()
		serial = conn.ConnectionState().PeerCertificates[0].SerialNumber
		return true
	})
	c := dialAt(t, s.public, "/app/"+full.Key+"?protocol=7", ws.Dialer{TLSConfig: trusted, Host: "ws.shop.test"})
	c.readEstablished()
	c.conn.Close()
	return serial
}

func metricsOf(t *testing.T, s *server) string {
	t.Helper()
	resp, err := http.Get("http://" + s.admin + "/metrics")
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	return string(text)
}
