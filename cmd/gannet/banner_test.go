package main_test

import (
	"bytes"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	main "github.com/gannet-io/gannet/cmd/gannet"
)

// banner returns what a development server at address prints.
func banner(t *testing.T, address string, flags map[string]string) string {
	t.Helper()
	cfg, err := main.Load(main.Sources{Dev: true, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := main.WriteBanner(&out, cfg, addr); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestBannerIsReadyToPaste(t *testing.T) {
	got := banner(t, "0.0.0.0:6001", nil)
	for _, want := range []string{
		"Gannet is ready for development at http://127.0.0.1:6001\n",
		"--listen 127.0.0.1:6001 keeps it to yourself",
		"  app id  app-id\n  key     app-key\n  secret  app-secret\n",
		"\n  gannet subscribe my-channel\n  gannet publish my-channel my-event hello\n",
		`<script src="https://js.pusher.com/8.4.0/pusher.min.js"></script>`,
		"new Pusher('app-key', {\n      wsHost: '127.0.0.1', wsPort: 6001, forceTLS: false,\n      enabledTransports: ['ws', 'wss'], cluster: '',\n",
		"new Pusher({ appId: 'app-id', key: 'app-key', secret: 'app-secret', host: '127.0.0.1', port: '6001', useTLS: false })",
		"\n  publish() { ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the banner lacks %q:\n%s", want, got)
		}
	}
}

func TestBannerOfALoopbackServerWarnsOfNobody(t *testing.T) {
	if got := banner(t, "127.0.0.1:6001", nil); strings.Contains(got, "keeps it to yourself") {
		t.Errorf("the banner says that others can connect:\n%s", got)
	}
}

func TestBannerSaysWhereTheDemosAre(t *testing.T) {
	if got, want := banner(t, "127.0.0.1:7777", map[string]string{"path_prefix": "/rt"}), "\nSix demos, with their sources: http://127.0.0.1:7777/rt/\n"; !strings.Contains(got, want) {
		t.Errorf("the banner lacks %q:\n%s", want, got)
	}
}

// Whoever has configured something under the name of the development app has no demos beside it.
func TestDemosAreOfTheDevelopmentAppAlone(t *testing.T) {
	for text, want := range map[string]bool{
		"": true,
		"apps: [{id: mine, key: mine, secret: mine}]":                                                                                 true,
		"apps: [{id: app-id, key: app-key, secret: app-secret, client_events: true, watchlist: true}]":                                true,
		"apps: [{id: app-id, key: app-key, secret: app-secret}]":                                                                      false,
		"apps: [{id: app-id, key: app-key, secret: mine, client_events: true, watchlist: true}]":                                      false,
		"apps: [{id: app-id, key: mine, secret: mine, client_events: true, watchlist: true}]":                                         false,
		"apps: [{id: app-id, key: app-key, secret: app-secret, client_events: true, watchlist: true, enabled: false}]":                false,
		"apps: [{id: app-id, keys: [{key: app-key, secret: app-secret}, {key: b, secret: c}], client_events: true, watchlist: true}]": false,
	} {
		for _, dev := range []bool{true, false} {
			src := main.Sources{Dev: dev, Environ: []string{"GANNET_APP_ID=x", "GANNET_APP_KEY=x", "GANNET_APP_SECRET=x"}}
			if text != "" {
				src.File = write(t, text)
			}
			cfg, err := main.Load(src)
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.HasDemos(); got != (want && dev) {
				t.Errorf("%s, with --dev %v: demos %v, want %v", text, dev, got, want && dev)
			}
		}
	}
}

func TestBannerNamesTheProgramAsItWasStarted(t *testing.T) {
	for program, want := range map[string]string{
		"":                 "gannet",
		"gannet":           "gannet",
		"bin/gannet":       "bin/gannet",
		"/opt/it's/gannet": `'/opt/it'\''s/gannet'`,
	} {
		cfg, err := main.Load(main.Sources{Dev: true})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Program = program
		var out bytes.Buffer
		if err := main.WriteBanner(&out, cfg, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 6001}); err != nil {
			t.Fatal(err)
		}
		if want := "\n  " + want + " subscribe my-channel\n  " + want + " publish my-channel my-event hello\n"; !strings.Contains(out.String(), want) {
			t.Errorf("started as %q: the banner lacks %q:\n%s", program, want, &out)
		}
	}
}

func TestBannerNamesAnotherAddressAndPrefix(t *testing.T) {
	got := banner(t, "127.0.0.1:7777", map[string]string{"path_prefix": "/rt"})
	for _, want := range []string{
		"at http://127.0.0.1:7777/rt\n",
		"gannet subscribe --url http://127.0.0.1:7777/rt my-channel\n",
		"wsPort: 7777, wsPath: '/rt', forceTLS",
		`"http://127.0.0.1:7777/rt/apps/app-id/events?`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the banner lacks %q:\n%s", want, got)
		}
	}
	// The Node library cannot be given a path.
	for _, not := range []string{"keeps it to yourself", "require('pusher')"} {
		if strings.Contains(got, not) {
			t.Errorf("the banner has %q:\n%s", not, got)
		}
	}
}

func TestBannerShowsNoOtherSecret(t *testing.T) {
	for _, text := range []string{"apps: [{id: app-id, key: app-key, secret: mine}]", "apps: [{id: app-id, keys: [{key: app-key, secret: mine}]}]"} {
		cfg, err := main.Load(main.Sources{File: write(t, text), Dev: true})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := main.WriteBanner(&out, cfg, &net.TCPAddr{Port: 6001}); err != nil || out.Len() > 0 {
			t.Errorf("%s: %v, %q; want nothing", text, err, out.String())
		}
	}
}

// The line is what people paste, so real programs run it against a server that checks.
func TestBannerShellFunctionSignsAsItShould(t *testing.T) {
	if testing.Short() {
		t.Skip("runs bash, openssl and curl; make test installs them")
	}
	for _, program := range []string{"bash", "openssl", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is not installed: apt-get install %s", program, program)
		}
	}
	for _, prefix := range []string{"", "/rt"} {
		address, seen := restStub(t, prefix, "app-secret", 200, "{}")
		u, _ := url.Parse(address)
		var line string
		for l := range strings.Lines(banner(t, u.Host, map[string]string{"path_prefix": prefix})) {
			if strings.HasPrefix(l, "  publish() {") {
				line = strings.TrimSpace(l)
			}
		}
		for _, data := range []string{"hello", `{"price": "42 €", "path": "a\\b"}`, "100% 'sure' $HOME `id`", ""} {
			out, err := exec.CommandContext(t.Context(), "bash", "-euc", line+`; publish my-channel my-event "$1"`, "bash", data).CombinedOutput()
			if err != nil || string(out) != "{}" {
				t.Fatalf("%s\npublish %q: %v %s", line, data, err, out)
			}
			got := <-seen
			if got.problem != "" || got.body["data"] != data || got.body["name"] != "my-event" || got.path != prefix+"/apps/app-id/events" {
				t.Errorf("publish %q: got %+v", data, got)
			}
		}
	}
}
