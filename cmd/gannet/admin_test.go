package main_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAdminOnAnAddressThatOthersReachNeedsASecret(t *testing.T) {
	folder := t.TempDir()
	good, short := filepath.Join(folder, "good"), filepath.Join(folder, "short")
	for file, text := range map[string]string{good: "0123456789abcdef\n", short: "short\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const reached = "others can reach this address, so it needs a secret"
	for _, tt := range []struct{ admin, problem string }{
		{`listen: "127.0.0.1:9601"`, ""},
		{`listen: "127.9.9.9:9601"`, ""},
		{`listen: "[::1]:9601"`, ""},
		{`listen: "localhost:9601"`, ""},
		{`listen: "unix:/run/x"`, ""},
		{`listen: ""`, ""},
		{`listen: ":9601"`, "admin.listen: " + reached},
		{`listen: "0.0.0.0:9601"`, "admin.listen: " + reached},
		{`listen: "[::]:9601"`, "admin.listen: " + reached},
		{`listen: "10.0.0.1:9601"`, "admin.listen: " + reached},
		{`listen: "gannet.internal:9601"`, "admin.listen: " + reached},
		{`listen: ":9601", token: "0123456789abcdef"`, ""},
		{`listen: ":9601", password: "12345678"`, ""},
		{`listen: ":9601", token_file: "` + good + `"`, ""},
		{`listen: ":9601", password_file: "` + good + `"`, ""},
		{`token: "0123456789abcde"`, "admin.token: must be at least 16 characters long"},
		{`password: "1234567"`, "admin.password: must be at least 8 characters long"},
		{`token_file: "` + short + `"`, "admin.token_file: " + short + ": must be at least 16 characters long"},
		{`token_file: "` + short + `x"`, "admin.token_file: " + short + "x: there is no such file"},
		{`hosts: ["http://x"]`, "admin.hosts[0]: want a host without a scheme"},
		{`public: [all]`, "admin.public[0]: must be one of health, metrics"},
	} {
		file := filepath.Join(folder, "gannet.yaml")
		if err := os.WriteFile(file, []byte(oneApp+"admin: {"+tt.admin+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errOut := runCommand(t, "", "check", file)
		if tt.problem == "" && (code != 0 || errOut != "") || !strings.Contains(errOut, tt.problem) {
			t.Errorf("%s: code %d, %q; want %q", tt.admin, code, errOut, tt.problem)
		}
		if strings.Contains(errOut, "0123456789") || strings.Contains(errOut, "1234567") {
			t.Errorf("%s: the secret is in %q", tt.admin, errOut)
		}
	}
}

func TestAServerThatOthersCouldReachDoesNotStart(t *testing.T) {
	code, _, errOut := runCommand(t, "", "serve", "--dev", "--listen", "127.0.0.1:0", "--admin-listen", "0.0.0.0:0")
	if code != 1 || !strings.Contains(errOut, "needs a secret") {
		t.Errorf("code %d, %q", code, errOut)
	}
}

func TestCommandsSayThatATokenIsWanted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer 0123456789abcdef" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"webhooks":[]}`))
	}))
	defer server.Close()
	code, _, errOut := runCommand(t, "", "webhooks", "list", "--admin", server.URL)
	if code != 1 || !strings.Contains(errOut, "give it with --token or GANNET_ADMIN_TOKEN") {
		t.Errorf("without it: code %d, %q", code, errOut)
	}
	if code, _, errOut = runCommand(t, "", "webhooks", "list", "--admin", server.URL, "--token", "0123456789abcdef"); code != 0 {
		t.Errorf("with it: code %d, %q", code, errOut)
	}
}
