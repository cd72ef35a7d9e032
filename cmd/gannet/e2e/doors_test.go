//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pusher/pusher-http-go/v5"
)

// writeClient writes a certificate of a client with its key, in one file, and without it in another: the authority that vouches for it.
func writeClient(t *testing.T, both, authority string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	check(t, os.WriteFile(authority, cert, 0o600))
	check(t, os.WriteFile(both, append(cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), 0o600))
}

// TestTheOtherListenersSpeakTLS asks the admin listener and that of the HTTP API as people and backends do: with curl, node, the gannet commands and
// a library.
func TestTheOtherListenersSpeakTLS(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	writePair(t, file("admin.pem"), file("admin.key"), "localhost", "127.0.0.1")
	rest := writePair(t, file("rest.pem"), file("rest.key"), "localhost", "127.0.0.1")
	writeClient(t, file("ann.pem"), file("operators.pem"))
	writeClient(t, file("bob.pem"), file("others.pem"))
	api := freePort(t)
	settings := strings.Replace(configured("drain_window: 100ms\n"), `admin: { listen: "127.0.0.1:0" }`, fmt.Sprintf(`
admin: { listen: "127.0.0.1:0", tls: { certificates: [ { cert: %q, key: %q } ], min_version: 1.3, client_ca: %q } }
rest: { listen: "127.0.0.1:%d", tls: { certificates: [ { cert: %q, key: %q } ] } }
`, file("admin.pem"), file("admin.key"), file("operators.pem"), api, file("rest.pem"), file("rest.key")), 1)
	check(t, os.WriteFile(file("gannet.yaml"), []byte(settings), 0o600))
	s, err := serve(binary, "--config", file("gannet.yaml"))
	s = supervise(t, s, err)

	curl := func(args ...string) (string, error) {
		out, err := exec.Command("curl", append([]string{"--silent", "--show-error", "--max-time", "60", "--cacert", file("admin.pem")}, args...)...).CombinedOutput()
		return string(out), err
	}
	url := "https://" + s.admin + "/metrics"
	if out, err := curl("--cert", file("ann.pem"), url); err != nil || !strings.Contains(out, "gannet_engine_websockets 0") {
		t.Errorf("curl with a certificate: %v %.300s", err, out)
	}
	for what, args := range map[string][]string{
		"without a certificate": {url}, "with another's": {"--cert", file("bob.pem"), url}, "with an old version": {"--cert", file("ann.pem"), "--tls-max", "1.2", url},
	} {
		if out, err := curl(args...); err == nil {
			t.Errorf("curl %s was answered: %.300s", what, out)
		}
	}
	if out, _ := curl("http://" + s.admin + "/metrics"); !strings.Contains(out, "HTTP request to an HTTPS server") {
		t.Errorf("curl without TLS: %.300s", out)
	}

	script := `const https = require("https"), fs = require("fs"); const [host, port] = process.argv[1].split(":");
https.get({ host, port, path: "/api/version", servername: "localhost", ca: fs.readFileSync(process.argv[2]), cert: fs.readFileSync(process.argv[3]), key: fs.readFileSync(process.argv[3]) },
  (r) => { r.on("data", (d) => process.stdout.write(r.statusCode + " " + r.socket.getProtocol() + " " + d)); }).on("error", (e) => { console.log(e.code); process.exit(1); });`
	if out, err := exec.Command("node", "-e", script, s.admin, file("admin.pem"), file("ann.pem")).CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "200 TLSv1.3 {") || !strings.Contains(string(out), `"version":`) {
		t.Errorf("node: %v %s", err, out)
	}

	command := func(env ...string) string {
		c := exec.Command(binary, "cluster", "status")
		c.Env = append(environment(), append(env, "GANNET_ADMIN_URL=https://"+s.admin)...)
		out, _ := c.CombinedOutput() // the text says how it went
		return string(out)
	}
	if out := command("GANNET_ADMIN_CA="+file("admin.pem"), "GANNET_ADMIN_CERT="+file("ann.pem")); !strings.Contains(out, "alone") && !strings.Contains(out, "no cluster") {
		t.Errorf("gannet cluster status: %s", out)
	}
	if out := command("GANNET_ADMIN_CERT=" + file("ann.pem")); !strings.Contains(out, "say who vouches for it with --ca or GANNET_ADMIN_CA") {
		t.Errorf("without an authority: %s", out)
	}
	if out := command("GANNET_ADMIN_CA=" + file("admin.pem")); !strings.Contains(out, "tls: ") {
		t.Errorf("without a certificate: %s", out)
	}

	backend := backendOf(s, full)
	backend.Host, backend.Secure = fmt.Sprintf("127.0.0.1:%d", api), true
	backend.HTTPClient.Transport = transportFor(t, rest)
	check(t, backend.Trigger("news", "e", "x"))
	plain := pusher.Client{AppID: full.ID, Key: full.Key, Secret: full.Secret, Host: backend.Host}
	if err := plain.Trigger("news", "e", "x"); err == nil {
		t.Error("the listener of the HTTP API took a request without TLS")
	}

	// Both take new certificates while they run.
	writePair(t, file("admin.pem"), file("admin.key"), "localhost", "127.0.0.1", "new.test")
	writePair(t, file("rest.pem"), file("rest.key"), "localhost", "127.0.0.1", "newer.test")
	check(t, os.WriteFile(file("operators.pem"), must(os.ReadFile(file("others.pem")))(t), 0o600))
	check(t, s.cmd.Process.Signal(syscall.SIGHUP))
	eventually(t, "the HTTP API's listener shows its new certificate", func() bool { return shownAt(backend.Host, "newer.test") })
	eventually(t, "the admin listener shows its new certificate, and knows bob", func() bool {
		_, err := curl("--cert", file("bob.pem"), url)
		return err == nil
	})
	if _, err := curl("--cert", file("ann.pem"), url); err == nil {
		t.Error("ann was let in, whom nobody vouches for any more")
	}
}

// shownAt reports whether a listener shows a certificate for name.
func shownAt(host, name string) bool {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", host, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		return false
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].VerifyHostname(name) == nil
}

// transportFor trusts a certificate in PEM.
func transportFor(t *testing.T, cert []byte) *http.Transport {
	t.Helper()
	trusted := must(trust(cert))(t)
	transport := &http.Transport{TLSClientConfig: trusted}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}
