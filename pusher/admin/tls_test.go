package admin_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/certs"
	"github.com/gannet-io/gannet/pusher/admin"
)

func TestTheListenerSpeaksTLSAlone(t *testing.T) {
	cert, key, err := certs.SelfSigned([]string{"127.0.0.1"}, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	base, _ := serve(t, admin.Config{
		TLS: &tls.Config{Certificates: []tls.Certificate{pair}}, HSTS: time.Hour, Password: "a-password", PublicHealth: true,
	})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	secure := strings.Replace(base, "http://", "https://", 1)

	req, err := http.NewRequest("POST", secure+"/api/session", strings.NewReader(`{"secret":"a-password"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Gannet-Request", "1")
	req.Header.Set("Origin", secure)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || len(resp.Cookies()) != 1 || !resp.Cookies()[0].Secure {
		t.Errorf("logging in: %d, cookies %v, want one that is Secure", resp.StatusCode, resp.Cookies())
	}
	if got := resp.Header.Get("Strict-Transport-Security"); got != "max-age=3600" {
		t.Errorf("Strict-Transport-Security is %q", got)
	}
	if resp, _ := do(t, "GET", base+"/healthz"); resp.StatusCode != 400 {
		t.Errorf("without TLS: %d, want 400", resp.StatusCode)
	}
}

func TestWithoutTLSNobodyIsToldToUseIt(t *testing.T) {
	base, _ := serve(t, admin.Config{HSTS: time.Hour})
	if resp, _ := do(t, "GET", base+"/healthz"); resp.Header.Get("Strict-Transport-Security") != "" {
		t.Error("a plain answer has Strict-Transport-Security")
	}
}
