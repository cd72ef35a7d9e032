//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/certs"
)

// transportVariable makes the suite speak TLS to servers that require it, when it is "tls". What
// is about listeners and proxies stays away then.
const transportVariable = "GANNET_E2E_TRANSPORT"

var overTLS = os.Getenv(transportVariable) == "tls"

// Set once by makeCertificate.
var (
	certFile string // of the servers, with its key; also what clients trust
	trusting *tls.Config
)

// makeCertificate makes the certificate of all servers, and this process trust it.
func makeCertificate(folder string) error {
	certFile = filepath.Join(folder, "cert.pem")
	cert, key, err := certs.SelfSigned([]string{"localhost", "127.0.0.1"}, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	if err != nil {
		return err
	}
	if err := os.WriteFile(certFile, append(cert, key...), 0o600); err != nil {
		return err
	}
	trusting, err = trust(cert)
	if err == nil {
		http.DefaultTransport.(*http.Transport).TLSClientConfig = trusting
	}
	return err
}

// trust returns the configuration of a client that trusts a certificate in PEM.
func trust(cert []byte) (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(cert) {
		return nil, errors.New("no certificate")
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}, nil
}

// encryption is the part of a server's file that is about TLS.
func encryption() string {
	if !overTLS {
		return ""
	}
	return fmt.Sprintf("tls: { require: true, certificates: [ { cert: %q, key: %q } ] }\n", certFile, certFile)
}

// plainOnly skips a test that has nothing to say about TLS.
func plainOnly(t *testing.T) {
	t.Helper()
	if overTLS {
		t.Skip("not about TLS")
	}
}

// url returns where the HTTP API of s is.
func (s *server) url() string {
	if s.secure {
		return "https://" + s.public
	}
	return "http://" + s.public
}

// open connects to s as its clients do.
func (s *server) open() (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", s.public, patience)
	if err == nil && s.secure {
		conn = tls.Client(conn, trusting)
	}
	return conn, err
}
