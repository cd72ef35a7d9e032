package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/certs"
)

// tlsFiles are files that a configuration may name.
type tlsFiles struct {
	cert, key, both, secrets string
	until                    string // the certificates' last day
}

func newTLSFiles(t *testing.T) tlsFiles {
	t.Helper()
	until := time.Now().Add(50 * 24 * time.Hour)
	cert, key, err := certs.SelfSigned([]string{"localhost", "127.0.0.1"}, time.Now().Add(-time.Hour), until)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	f := tlsFiles{filepath.Join(dir, "x.pem"), filepath.Join(dir, "x.key"), filepath.Join(dir, "both.pem"), filepath.Join(dir, "secrets"), until.UTC().Format(time.DateOnly)}
	for name, text := range map[string][]byte{f.cert: cert, f.key: key, f.both: append(cert, key...), f.secrets: []byte(strings.Repeat("ab", 32))} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestCheckLooksIntoTheFilesOfTLS(t *testing.T) {
	f := newTLSFiles(t)
	const apps = "\napps: [{id: a, key: k, secret: s}]"
	for name, tt := range map[string]struct{ yaml, want string }{
		"no such certificate":         {"tls: { certificates: [ { cert: nothing.pem, key: %[2]s } ] }", ":1:32: tls.certificates[0].cert: nothing.pem: no such file or directory\n"},
		"a key that is a certificate": {"tls: { certificates: [ { cert: %[1]s, key: %[1]s } ] }", "tls.certificates[0].key: " + f.cert + ": holds no private key"},
		"the second is bad":           {"tls: { certificates: [ { cert: %[1]s, key: %[2]s }, { cert: %[2]s, key: %[2]s } ] }", "tls.certificates[1].cert: " + f.key + ": holds no certificate"},
		"no file named":               {"tls: { certificates: [ { cert: %[1]s } ] }", ":1:24: tls.certificates[0].key: want the name of a PEM file"},
		"secrets that are none":       {"tls: { certificates: [ { cert: %[1]s, key: %[2]s } ], ticket_secrets: %[1]s }", "tls.ticket_secrets: " + f.cert + ": line 1: want at least 64 hexadecimal digits"},
		"required and impossible":     {"tls: { require: true }", ":1:17: tls.require: nobody can come over TLS"},
		"version":                     {"tls: { min_version: 1.1 }", `:1:21: tls.min_version: must be one of 1.2, 1.3, got "1.1"`},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, fmt.Sprintf(tt.yaml+strings.Repeat("%[3]s", 1), f.cert, f.key, apps))
			code, out, errOut := runCommand(t, "", "check", file)
			if code != 1 || out != "" || !strings.Contains(errOut, tt.want) {
				t.Errorf("code %d, out %q, err %q; want 1 and %q", code, out, errOut, tt.want)
			}
		})
	}
}

func TestCheckWarnsOfACertificateThatHasExpired(t *testing.T) {
	cert, key, err := certs.SelfSigned([]string{"localhost"}, time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	old := write(t, string(cert)+string(key))
	file := write(t, "tls: { certificates: [ { cert: "+old+", key: "+old+" } ] }\napps: [{id: a, key: k, secret: s}]")
	code, out, _ := runCommand(t, "", "check", file)
	if want := "warning: " + file + ":1:32: the certificate in " + old + " expired on "; code != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("code %d, %q; want 0, %q…", code, out, want)
	}
}

func TestDevTLSIsForDevelopment(t *testing.T) {
	code, _, errOut := runCommand(t, "", "serve", "--dev-tls")
	if code != 1 || !strings.Contains(errOut, "--dev-tls: is for development, with --dev") {
		t.Errorf("code %d, %q", code, errOut)
	}
}
