//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// documentedBlocks returns the code blocks of docs/proxies.md under a heading, in a language.
func documentedBlocks(t *testing.T, heading, language string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/proxies.md")
	check(t, err)
	_, section, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/proxies.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for {
		var block string
		if _, section, ok = strings.Cut(section, "```"+language+"\n"); !ok {
			return blocks
		}
		block, section, _ = strings.Cut(section, "```\n")
		blocks = append(blocks, block)
	}
}

// adapt replaces each old text, which must be there, by a new one.
func adapt(t *testing.T, text string, oldNew ...string) string {
	t.Helper()
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(text, oldNew[i]) {
			t.Fatalf("the documented configuration lacks %q:\n%s", oldNew[i], text)
		}
		text = strings.ReplaceAll(text, oldNew[i], oldNew[i+1])
	}
	return text
}

// A front is a real proxy before a server, with a plain and a TLS address.
type front struct {
	plain, secure string // host:port
}

// listenForProxy opens the sockets that a proxy is to inherit.
func listenForProxy(t *testing.T) (front, []*os.File) {
	t.Helper()
	var files []*os.File
	var addresses []string
	for range 2 {
		ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		check(t, err)
		file, err := ln.File()
		check(t, err)
		t.Cleanup(func() { file.Close() })
		addresses = append(addresses, ln.Addr().String())
		check(t, ln.Close()) // the file keeps the socket
		files = append(files, file)
	}
	return front{addresses[0], addresses[1]}, files
}

// startProxy runs a program from Debian's packages until the test ends.
func startProxy(t *testing.T, files []*os.File, environ []string, name string, args ...string) {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		program = "/usr/sbin/" + name // not on everybody's path
	}
	cmd := exec.Command(program, args...)
	cmd.ExtraFiles, cmd.Env = files, append(os.Environ(), environ...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make setup installs it)", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", name, said.String())
		}
	})
}

// certificate writes a certificate for ws.example.com and its key to files, and returns whom to trust.
func certificate(t *testing.T, folder string) (certFile, keyFile, both string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ws.example.com"}, DNSNames: []string{"ws.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	certFile, keyFile, both = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), filepath.Join(folder, "both.pem")
	check(t, os.WriteFile(certFile, cert, 0o600))
	check(t, os.WriteFile(keyFile, secret, 0o600))
	check(t, os.WriteFile(both, append(cert, secret...), 0o600))
	parsed, err := x509.ParseCertificate(der)
	check(t, err)
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return certFile, keyFile, both, roots
}

// from returns a dial function that comes from an address of this machine to a proxy's.
func from(local, to string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}, Timeout: patience}
		return d.DialContext(ctx, "tcp", to)
	}
}

// nginx runs the documented configuration before a server of its own.
func nginx(t *testing.T) (front, *x509.CertPool) {
	folder := t.TempDir()
	socket := filepath.Join(folder, "gannet.sock")
	settings := adapt(t, documentedBlocks(t, "nginx", "yaml")[0], "/run/gannet/gannet.sock", socket)
	startServer(t, settings+proxyTestLimits)
	certFile, keyFile, _, roots := certificate(t, folder)
	f, files := listenForProxy(t)
	site := adapt(t, documentedBlocks(t, "nginx", "nginx")[0], "/run/gannet/gannet.sock", socket,
		"listen 80;", "listen "+f.plain+";", "listen 443 ssl;", "listen "+f.secure+" ssl;",
		"/etc/ssl/ws.example.com.pem", certFile, "/etc/ssl/ws.example.com.key", keyFile)
	temporary := ""
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("%s_temp_path %s;\n", what, filepath.Join(folder, what))
	}
	// Its workers would give up root, and then the folder.
	self, err := user.Current()
	check(t, err)
	config := filepath.Join(folder, "nginx.conf")
	check(t, os.WriteFile(config, []byte("daemon off;\nuser "+self.Username+";\npid "+filepath.Join(folder, "pid")+";\nevents {}\nhttp {\naccess_log off;\n"+
		temporary+site+"}\n"), 0o600))
	// nginx hands listening sockets to its next version like this.
	startProxy(t, files, []string{"NGINX=3;4;"}, "nginx", "-e", "stderr", "-p", folder, "-c", config)
	return f, roots
}

// haproxy runs one of the documented configurations before a server of its own.
func haproxy(t *testing.T, which int) (front, *x509.CertPool) {
	folder := t.TempDir()
	settings := adapt(t, documentedBlocks(t, "HAProxy", "yaml")[which], "127.0.0.1:6001", "127.0.0.1:0")
	s := startServer(t, settings+proxyTestLimits)
	_, _, both, roots := certificate(t, folder)
	f, files := listenForProxy(t)
	site := adapt(t, documentedBlocks(t, "HAProxy", "haproxy")[which], "127.0.0.1:6001", s.public,
		"bind :80", "bind fd@3", "bind :443 ssl crt /etc/haproxy/ws.example.com.pem", "bind fd@4 ssl crt "+both)
	config := filepath.Join(folder, "haproxy.cfg")
	check(t, os.WriteFile(config, []byte("defaults\n    timeout connect 10s\n    timeout client 1m\n    timeout server 1m\n    timeout tunnel 1h\n\n"+site), 0o600))
	startProxy(t, files, nil, "haproxy", "-db", "-f", config)
	return f, roots
}

// proxyTestLimits let two connections of one address in.
const proxyTestLimits = "limits: { connections_per_address: 2 }\ndrain_window: 100ms\n"

func TestRealProxiesTellWhoTheirClientsAre(t *testing.T) {
	plainOnly(t)
	type beginning func(t *testing.T) (front, *x509.CertPool)
	for name, tt := range map[string]struct {
		begin beginning
		early bool // the address is known before there is a WebSocket to refuse
	}{
		"nginx, Unix socket":      {nginx, false},
		"HAProxy, PROXY protocol": {func(t *testing.T) (front, *x509.CertPool) { return haproxy(t, 0) }, true},
		"HAProxy, HTTP":           {func(t *testing.T) (front, *x509.CertPool) { return haproxy(t, 1) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, roots := tt.begin(t)
			trusting := &tls.Config{RootCAs: roots, ServerName: "ws.example.com"}
			web := func(local, to string) *http.Client {
				transport := &http.Transport{DialContext: from(local, to), TLSClientConfig: trusting}
				t.Cleanup(transport.CloseIdleConnections)
				return &http.Client{Transport: transport, Timeout: patience}
			}

			// Requests first, so that nginx has connections to use again.
			eventually(t, "the proxy finds the server", func() bool {
				resp, err := web("127.0.0.9", f.plain).Get("http://ws.example.com/readyz")
				if err != nil {
					return false
				}
				resp.Body.Close()
				return resp.StatusCode == http.StatusOK
			})
			body := trigger("elsewhere", "x")
			for to, want := range map[string]int{"http " + f.plain: 403, "https " + f.secure: 200} {
				scheme, address, _ := strings.Cut(to, " ")
				resp, err := web("127.0.0.9", address).Post(scheme+"://ws.example.com"+signed(quiet, "POST", "/events", body, nil), "application/json", strings.NewReader(body))
				check(t, err)
				answer, err := io.ReadAll(resp.Body)
				check(t, errors.Join(err, resp.Body.Close()))
				if resp.StatusCode != want {
					t.Errorf("publishing by %s: got %d %q, want %d", scheme, resp.StatusCode, answer, want)
				}
			}

			secure := func(local string, headers http.Header) (*client, error) {
				return dialSecure(t, ws.Dialer{NetDial: from(local, f.secure), TLSConfig: trusting, Header: ws.HandshakeHeaderHTTP(headers)})
			}
			for _, local := range []string{"127.0.0.77", "127.0.0.78"} {
				for range 2 {
					c, err := secure(local, nil)
					check(t, err)
					c.readEstablished()
					c.join(quiet, "public")
				}
			}
			// The third of an address is one too many, whatever it says about itself.
			for _, headers := range []http.Header{nil, {"X-Forwarded-For": {"127.0.0.79"}}, {"Forwarded": {"for=127.0.0.79"}}} {
				c, err := secure("127.0.0.77", headers)
				switch {
				case !tt.early:
					check(t, err)
					c.expectRefusal(4100)
				case err == nil:
					t.Errorf("a third connection with %v was served", headers)
				}
			}

			plain := dialAt(t, "ws.example.com", "/app/"+quiet.Key+"?protocol=7",
				ws.Dialer{NetDial: from("127.0.0.80", f.plain), Header: ws.HandshakeHeaderHTTP(http.Header{"X-Forwarded-Proto": {"https"}})})
			plain.expectRefusal(4000)
		})
	}
}

// dialSecure opens a WebSocket to the app quiet over TLS.
func dialSecure(t *testing.T, dialer ws.Dialer) (*client, error) {
	t.Helper()
	dialer.Timeout = patience
	conn, early, handshake, err := dialer.Dial(context.Background(), "wss://ws.example.com/app/"+quiet.Key+"?protocol=7")
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return clientOf(t, conn, early, handshake), nil
}
