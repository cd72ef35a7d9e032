package main_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	main "github.com/gannet-io/gannet/cmd/gannet"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// What the person who runs the tests has configured is not their business.
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "GANNET_") {
			os.Unsetenv(name)
		}
	}
	// gnet starts the worker pool of its library when it is imported.
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"))
}

// runCommand runs a command line to its end.
func runCommand(t *testing.T, in string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = main.Run(t.Context(), in, nil, &o, &e, args...)
	return code, o.String(), e.String()
}

func TestCommandLinesThatMakeNoSenseExitWith2(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"srve"}, `did you mean "serve"?`},
		{[]string{"serve", "--lisen=:1"}, "unknown flag --lisen"},
		{[]string{"publish", "a", "b"}, "expected \"<data>\""},
		{[]string{"subscribe"}, "expected \"<channel> ...\""},
		{[]string{"publish", "temp", "reading", "-5"}, "goes after --, as in: gannet publish temp reading -- -5"},
		{nil, "expected one of"},
	} {
		code, out, errOut := runCommand(t, "", tt.args...)
		if code != 2 || out != "" || !strings.Contains(errOut, tt.want) {
			t.Errorf("%q: code %d, out %q, err %q; want 2 and %q", tt.args, code, out, errOut, tt.want)
		}
	}
}

func TestHelpShowsExamplesAndEndsWell(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"check", "--help"}, {"subscribe", "--help"}, {"publish", "--help"}, {"echo", "--help"}, {"help"}, {"help", "serve"}} {
		code, out, errOut := runCommand(t, "", args...)
		if code != 0 || errOut != "" || !strings.Contains(out, "    gannet ") {
			t.Errorf("%q: code %d, err %q, out without an example:\n%s", args, code, errOut, out)
		}
	}
}

func TestVersionSaysWhatTheLinkerSaid(t *testing.T) {
	defer main.SetVersion("1.2.3", "abcdef")()
	for _, arg := range []string{"version", "--version"} {
		code, out, _ := runCommand(t, "", arg)
		if want := "gannet 1.2.3, commit abcdef, go1."; code != 0 || !strings.HasPrefix(out, want) {
			t.Errorf("%s: code %d, %q; want 0, %q…", arg, code, out, want)
		}
	}
}

func TestCheckPrintsASummaryWithoutSecrets(t *testing.T) {
	text, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, secret := newTLSFiles(t), write(t, "0123456789abcdef\n")
	file := write(t, strings.NewReplacer("/etc/gannet/a.pem", f.cert, "/etc/gannet/a.key", f.key, "b.pem", f.both, "/etc/gannet/ca.pem", f.cert, "/etc/gannet/tickets", f.secrets,
		"/etc/gannet/token", secret, "/etc/gannet/password", secret,
		"/etc/gannet/link.pem", f.cert, "/etc/gannet/node.pem", f.cert, "/etc/gannet/node.key", f.key, "r.pem", f.cert, "r.key", f.key,
		"c.pem", f.cert, "c.key", f.key, "d.pem", f.cert, "d.key", f.key, "clients.pem", f.cert, "backends.pem", f.cert).Replace(string(text)))
	code, out, errOut := runCommand(t, "", "check", file)
	want := file + ` is fine
  listen  127.0.0.1:7001/realtime
  listen  unix:/run/gannet/gannet.sock
  listen  systemd:public
  rest    127.0.0.1:7002/realtime
  admin   127.0.0.1:7601
  tls     ` + f.cert + " for localhost 127.0.0.1 until " + f.until + `
  tls     ` + f.both + " for localhost 127.0.0.1 until " + f.until + `
  tls     rest: ` + f.cert + " for localhost 127.0.0.1 until " + f.until + `
  tls     admin: ` + f.cert + " for localhost 127.0.0.1 until " + f.until + `
  tls     ACME for ws.shop.example
  cluster nats, node ws-1; server inside at 0.0.0.0:6222, data on 10.0.0.1:6222 nats://10.0.0.2:6222 ws-3.internal:6222
  apps    2
    shop: key shop-key; disabled; client events; sign-in required within 10s; subscription counts; watchlists; origins https://shop.example https://www.shop.example; webhooks main hooks.example:8443; at most 5000 connections; own limits; departs from Pusher
    42: key old-key, then new-key
`
	if code != 0 || errOut != "" || out != want {
		t.Errorf("code %d, err %q, out\n%s\nwant\n%s", code, errOut, out, want)
	}
}

func TestCheckWarnsOfTheDevelopmentSecret(t *testing.T) {
	file := write(t, "apps: [{id: a, key: k, secret: app-secret}]")
	code, out, _ := runCommand(t, "", "check", file)
	if want := "warning: " + file + `:1:32: app "a" uses the development secret, which everybody knows` + "\n"; code != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("code %d, %q; want 0, %q…", code, out, want)
	}
}

func TestCheckFailsWithLinesToFollow(t *testing.T) {
	file := write(t, "lisen: x\nloops: many\n")
	code, out, errOut := runCommand(t, "", "check", file)
	want := file + ":1:1: unknown key \"lisen\"; did you mean \"listen\"?\n" + file + ":2:8: loops: want a whole number, got text\n"
	if code != 1 || out != "" || errOut != want {
		t.Errorf("code %d, out %q, err\n%swant\n%s", code, out, errOut, want)
	}
}

func TestServeRefusesToStartWithoutAnApp(t *testing.T) {
	code, _, errOut := runCommand(t, "", "serve")
	if code != 1 || !strings.Contains(errOut, "there is no app to serve") || !strings.Contains(errOut, "--dev") {
		t.Errorf("code %d, %q; want 1 and what to do", code, errOut)
	}
}

func TestServeTakesTheFileOfTheEnvironment(t *testing.T) {
	file := write(t, "lisen: x\n")
	t.Setenv("GANNET_CONFIG", file)
	if code, _, errOut := runCommand(t, "", "serve"); code != 1 || !strings.HasPrefix(errOut, file+":1:1: ") {
		t.Errorf("code %d, %q; want 1 and the line", code, errOut)
	}
	// A flag wins.
	if code, _, errOut := runCommand(t, "", "serve", "--config", "none.yaml"); code != 1 || errOut != "gannet: none.yaml: there is no such file\n" {
		t.Errorf("code %d, %q; want 1 and the other file", code, errOut)
	}
}

func TestSecretsPrintAsHidden(t *testing.T) {
	cfg, err := main.Load(main.Sources{File: "testdata/full.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cfg.Log.Format, cfg.Log.Level = "json", "info"
	cfg.Logger(&log).InfoContext(context.Background(), "config", "app", cfg.Apps[0], "secret", cfg.Apps[0].Secret)
	cfg.Log.Format = "text"
	cfg.Logger(&log).Info("config", "app", cfg.Apps[0], "apps", cfg.Apps, "secret", cfg.Apps[0].Secret)
	if s := log.String(); strings.Contains(s, "shop-secret") || strings.Contains(s, "old-secret") || !strings.Contains(s, "[hidden]") {
		t.Errorf("the log shows a secret or hides that there is one:\n%s", s)
	}
}
