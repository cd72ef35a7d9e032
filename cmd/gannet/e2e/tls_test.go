//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine/certs"
)

// writePair writes a certificate for names and its key, which may replace others, and returns
// it in PEM.
func writePair(t *testing.T, cert, key string, names ...string) []byte {
	t.Helper()
	c, k, err := certs.SelfSigned(names, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	check(t, err)
	check(t, os.WriteFile(cert, c, 0o600))
	check(t, os.WriteFile(key, k, 0o600))
	return c
}

// startSecure starts a server of the test's own with certificates for localhost and other.test.
func startSecure(t *testing.T) (s *server, folder string) {
	t.Helper()
	plainOnly(t) // once is enough: it is about TLS in either pass
	folder = t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	writePair(t, file("a.pem"), file("a.key"), "localhost", "127.0.0.1")
	writePair(t, file("b.pem"), file("b.key"), "other.test")
	s = startServer(t, fmt.Sprintf("drain_window: 100ms\nlimits: { rest_body_bytes: 5MiB }\ntls: { certificates: [ { cert: %q, key: %q }, { cert: %q, key: %q } ] }\n",
		file("a.pem"), file("a.key"), file("b.pem"), file("b.key")))
	return s, folder
}

// shownTo returns the certificate that a client asking for name gets.
func shownTo(t *testing.T, s *server, name string) string {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", s.public, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	check(t, err)
	defer conn.Close()
	return strings.Join(conn.ConnectionState().PeerCertificates[0].DNSNames, " ")
}

// A new certificate is for the next handshake, and those who are connected do not notice. A bad one is
// for nobody.
func TestCertificatesAreReplacedUnderLoad(t *testing.T) {
	s, folder := startSecure(t)
	c := dial(t, s, "/app/"+quiet.Key+"?protocol=7", ws.Dialer{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
	c.readEstablished()
	channel := fresh("reload")
	c.join(quiet, channel)
	cert, key := filepath.Join(folder, "a.pem"), filepath.Join(folder, "a.key")
	writePair(t, cert, key, "localhost", "renewed.test")
	check(t, s.cmd.Process.Signal(syscall.SIGHUP))
	eventually(t, "the new certificate is shown", func() bool { return shownTo(t, s, "localhost") == "localhost renewed.test" })
	check(t, os.WriteFile(key, []byte("nonsense"), 0o600))
	check(t, s.cmd.Process.Signal(syscall.SIGHUP))
	eventually(t, "the bad key is named", func() bool { return strings.Contains(s.said(), key+": holds no private key") })
	for name, want := range map[string]string{"localhost": "localhost renewed.test", "other.test": "other.test"} {
		if got := shownTo(t, s, name); got != want {
			t.Errorf("%s is shown the certificate of %q, want %q", name, got, want)
		}
	}
	check(t, backendOf(s, quiet).Trigger(channel, "e", "still here"))
	c.expect(event("e", channel, "still here"))
	c.fence()
	if _, text := get(t, "http://"+s.admin+"/metrics"); !strings.Contains(text, "gannet_certs_reloads_total{outcome=\"failed\"} 1\n") ||
		!strings.Contains(text, "gannet_certs_reloads_total{outcome=\"ok\"} 1\n") {
		t.Error("one good and one bad reload are not counted as such")
	}
}

// openssl runs openssl s_client without input and returns all it says, whatever its exit code.
func openssl(s *server, args ...string) string {
	cmd := exec.Command("openssl", append([]string{"s_client", "-connect", s.public}, args...)...)
	out, _ := cmd.CombinedOutput() // a refused handshake is a failure of it
	return string(out)
}

func TestOpenSSLAgreesAboutTLS(t *testing.T) {
	s, folder := startSecure(t)
	session := filepath.Join(folder, "session")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"1.0 is refused", []string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, "alert protocol version"},
		{"1.1 is refused", []string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, "alert protocol version"},
		{"1.2", []string{"-tls1_2"}, "New, TLSv1.2"},
		{"1.3", []string{"-tls1_3"}, "New, TLSv1.3"},
		{"no weak cipher", []string{"-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"}, "alert handshake failure"},
		{"ALPN", []string{"-alpn", "h2,http/1.1"}, "ALPN protocol: http/1.1"},
		{"ALPN of others", []string{"-alpn", "h2"}, "alert no application protocol"},
		{"SNI", []string{"-servername", "other.test", "-CAfile", filepath.Join(folder, "b.pem"), "-verify_hostname", "other.test", "-verify_return_error"}, "Verify return code: 0 (ok)"},
		{"a session to resume", []string{"-tls1_2", "-sess_out", session}, "New, TLSv1.2"},
		{"it is resumed", []string{"-tls1_2", "-sess_in", session}, "Reused, TLSv1.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := openssl(s, tt.args...); !strings.Contains(got, tt.want) {
				t.Errorf("%q: no %q in\n%s", tt.args, tt.want, got)
			}
		})
	}
	// A client that falls back says so (RFC 7507), and must not be led to an older version than both know.
	if got := openssl(s, "-tls1_2", "-fallback_scsv"); !strings.Contains(got, "alert inappropriate fallback") {
		t.Errorf("downgrade:\n%s", got)
	}
}

// A client that wants to negotiate anew gets an alert and the end, and nobody computes for it.
func TestRenegotiationIsRefused(t *testing.T) {
	s, _ := startSecure(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", "s_client", "-connect", s.public, "-tls1_2")
	stdin, err := cmd.StdinPipe()
	check(t, err)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	check(t, cmd.Start())
	_, err = io.WriteString(stdin, "R\n") // to openssl: renegotiate. It ends when the server does
	check(t, err)
	_ = cmd.Wait() // with a code that says little
	if got := out.String(); !strings.Contains(got, "RENEGOTIATING") || !strings.Contains(got, "alert unexpected message") {
		t.Errorf("renegotiation:\n%s", got)
	}
	if _, text := get(t, "http://"+s.admin+"/metrics"); !strings.Contains(text, `gannet_engine_tls_handshakes_total{version="1.2",outcome="full"} 1`) {
		t.Error("a second handshake was done")
	}
}

func TestCurlSendsThreeMegabytesOverTLS(t *testing.T) {
	s, folder := startSecure(t)
	channel := fresh("large")
	c := dial(t, s, "/app/"+quiet.Key+"?protocol=7", ws.Dialer{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
	c.readEstablished()
	c.join(roomy, channel) // nothing comes from another app
	body := filepath.Join(folder, "body")
	text := trigger(channel, strings.Repeat("x", 3<<20))
	check(t, os.WriteFile(body, []byte(text), 0o600))
	for _, version := range []string{"1.2", "1.3"} {
		cmd := exec.Command("curl", "--silent", "--show-error", "--cacert", filepath.Join(folder, "a.pem"), "--tlsv"+version, "--tls-max", version,
			"--header", "Content-Type: application/json", "--data-binary", "@"+body, "--write-out", " %{http_code}",
			"https://"+s.public+signed(roomy, "POST", "/events", text, nil))
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "{} 200" {
			t.Errorf("TLS %s: %q, %v", version, out, err)
		}
	}
	c.fence()
}

func TestPlainAndTLSShareThePort(t *testing.T) {
	s, _ := startSecure(t)
	plain := connectTo(t, s, quiet)
	secure := dial(t, s, "/app/"+quiet.Key+"?protocol=7", ws.Dialer{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
	secure.readEstablished()
	channel := fresh("both")
	plain.join(quiet, channel)
	secure.join(quiet, channel)
	check(t, backendOf(s, quiet).Trigger(channel, "e", "x"))
	plain.expect(event("e", channel, "x"))
	secure.expect(event("e", channel, "x"))
}

func TestDevTLSMakesACertificateThatLasts(t *testing.T) {
	plainOnly(t)
	folder := t.TempDir()
	var first string
	for range 2 {
		s, err := serve(binary, "--dev", "--dev-tls", "--data-dir", folder, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--drain-window", "100ms")
		check(t, err)
		made, err := os.ReadFile(filepath.Join(folder, "dev-tls.pem"))
		check(t, err)
		if first != "" && first != string(made) {
			t.Error("the second start has made another certificate")
		}
		first = string(made)
		config, err := trust(made)
		check(t, err)
		c := dial(t, s, "/app/app-key?protocol=7", ws.Dialer{TLSConfig: config})
		c.readEstablished()
		if !strings.Contains(s.said(), "https://"+s.public) || strings.Contains(s.said(), "PRIVATE") {
			t.Errorf("the banner:\n%s", s.said())
		}
		check(t, s.stop())
	}
}
