package main_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	main "github.com/gannet-io/gannet/cmd/gannet"
	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/fleet"
)

func TestANodeFindsItselfAmongTheRoutes(t *testing.T) {
	addresses := []net.Addr{
		&net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(8, 32)},
		&net.IPNet{IP: net.IPv4(10, 0, 0, 2), Mask: net.CIDRMask(24, 32)},
	}
	lookup := func(host string) ([]netip.Addr, error) {
		if a, err := netip.ParseAddr(host); err == nil {
			return []netip.Addr{a}, nil
		}
		if host == "b.internal" {
			return []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.2")}, nil
		}
		return nil, errors.New("no such host")
	}
	three := []string{"10.0.0.1:6222", "nats://10.0.0.2:6222", "10.0.0.3:6222"}
	for _, tt := range []struct {
		listen, address string
		routes          []string
		want            string
		err             string
	}{
		{"10.0.0.2:6222", "", three, "10.0.0.2:6222", ""},
		{"0.0.0.0:6222", "", three, "10.0.0.2:6222", ""},
		{":6222", "", three, "10.0.0.2:6222", ""},
		{":6222", "", []string{"a.internal:6222", "b.internal:6222", "c.internal:6222"}, "b.internal:6222", ""},
		{":6223", "", three, "", ""},
		{"10.0.0.4:6222", "", three, "", ""},
		{"127.0.0.1:7302", "", []string{"127.0.0.1:7301", "127.0.0.1:7302", "127.0.0.1:7303"}, "127.0.0.1:7302", ""},
		{":6222", "nats://10.0.0.3:6222", three, "10.0.0.3:6222", ""},
		{":6222", "", []string{"10.0.0.2:6222", "127.0.0.1:6222", "10.0.0.3:6222"}, "", "cluster.nats.address: 10.0.0.2:6222 and 127.0.0.1:6222 are all this machine; say which of them is this node"},
		{"", "", nil, "", ""},
	} {
		n := &main.NATSConfig{Listen: tt.listen, Address: tt.address, Routes: tt.routes}
		got, err := n.Self(addresses, lookup)
		if text := fmt.Sprint(err); got != tt.want || tt.err == "" && err != nil || tt.err != "" && text != tt.err {
			t.Errorf("%+v: got %q, %v; want %q, %q", tt, got, err, tt.want, tt.err)
		}
	}
}

func TestANodeHasAName(t *testing.T) {
	c := main.DefaultConfig()
	c.Cluster.Driver = "nats"
	plain, err := c.NodeName()
	if err != nil || plain == "" {
		t.Fatalf("%q, %v", plain, err)
	}
	c.Cluster.NATS.Listen = "127.0.0.1:6222"
	if name, err := c.NodeName(); err != nil || name != plain+"-6222" {
		t.Errorf("%q, %v; want %q with the port, since several may run on a machine", name, err, plain)
	}
	c.Cluster.Node = "n1"
	if name, err := c.NodeName(); err != nil || name != "n1" {
		t.Errorf("%q, %v; want n1", name, err)
	}
}

func TestSecretsOfTheClusterAreNotPrinted(t *testing.T) {
	cfg, err := load(t, oneApp+`
cluster:
  driver: redis
  nats: { secret: sesame1, password: sesame2, user: u, token: sesame3 }
  redis: { url: "redis://u:sesame4@h:1/0" }
`)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v %v", cfg.Cluster, cfg.Cluster, cfg.Cluster, cfg.Warnings); strings.Contains(text, "sesame") {
		t.Errorf("a secret is printed: %s", text)
	}
	file := write(t, oneApp+"cluster: { driver: redis, redis: { url: \"redis://u:sesame@h:1/0\" } }\n")
	code, out, _ := runCommand(t, "", "check", file)
	if code != 0 || !strings.Contains(out, "cluster redis, node ") || !strings.Contains(out, "; server h:1\n") || strings.Contains(out, "sesame") {
		t.Errorf("code %d, %s", code, out)
	}
}

func TestNodesShowEachOtherCertificates(t *testing.T) {
	f := newTLSFiles(t)
	c, err := (&main.LinkTLSConfig{CA: f.cert, Cert: f.cert, Key: f.key}).Config()
	if err != nil || c.RootCAs == nil || c.ClientCAs == nil || c.ClientAuth != tls.RequireAndVerifyClientCert || c.MinVersion < tls.VersionTLS12 {
		t.Errorf("got %+v, %v", c, err)
	}
	first, _ := c.GetCertificate(nil)
	fresh := newTLSFiles(t)
	for to, from := range map[string]string{f.cert: fresh.cert, f.key: fresh.key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	second, _ := c.GetClientCertificate(nil)
	if first == nil || second == nil || bytes.Equal(first.Certificate[0], second.Certificate[0]) {
		t.Error("a certificate that changed is not read again")
	}
	if err := os.WriteFile(f.key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if third, _ := c.GetCertificate(nil); third == nil || !bytes.Equal(second.Certificate[0], third.Certificate[0]) {
		t.Error("one that cannot be read is not replaced by the one before")
	}
	if c, err := new(main.LinkTLSConfig).Config(); c != nil || err != nil {
		t.Errorf("without files: %v, %v", c, err)
	}
	if _, err := (&main.LinkTLSConfig{CA: f.key}).Config(); err == nil || !strings.HasSuffix(err.Error(), "holds no certificate") {
		t.Errorf("a key for a certificate: %v", err)
	}
}

var (
	blanks      = regexp.MustCompile(" +")
	clusterAt   = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	clusterNode = backbone.Node{ID: "a1b2", Name: "host-1", Since: clusterAt}
)

// clusterNodes are one that drains, one that has said nothing, and one that has fallen silent.
func clusterNodes() []fleet.Node {
	return []fleet.Node{
		{Node: clusterNode, Age: 1500 * time.Millisecond, Vitals: &fleet.Vitals{
			Version: "0.3.0", Started: clusterAt.UnixMilli(), Host: "elsewhere", Console: "http://127.0.0.1:9601/", Local: true, Stamp: 7, Reason: "draining", Draining: true,
			Connections: 602, Subscriptions: 1200, Channels: 40, Users: 3, MessagesIn: 1.5, MessagesOut: 900, Published: 20, Lag: 0.4, Memory: 64 << 20, CPU: 0.25, Backlog: 5,
			HooksQueued: 1, HooksFailing: 2, DeadLetters: 3,
		}},
		{Node: backbone.Node{ID: "c3", Name: "host-2", Since: clusterAt}},
		{Node: backbone.Node{ID: "d4", Name: "host-3", Since: clusterAt}, Age: time.Minute, Vitals: &fleet.Vitals{Started: clusterAt.UnixMilli(), Console: "https://d4.example/", Ready: true}},
	}
}

// TestClusterStatusInJSON is what docs/admin-api.md says.
func TestClusterStatusInJSON(t *testing.T) {
	unknown := `"connections":null,"channels":null,"users":null,"subscriptions":null,"messages_in_per_s":null,"messages_out_per_s":null,"published_per_s":null,` +
		`"memory_bytes":null,"loop_lag_ms":null,"cpu":null,"backlog_bytes":null,"version":null,"started":null,"ready":null,"reason":null,` +
		`"hooks_queued":null,"hooks_failing":null,"dead_letters":null,"console":null,"heard_ms":null}`
	for _, tt := range []struct {
		from  backbone.Status
		nodes []fleet.Node
		away  int64
		want  string
	}{
		{backbone.Status{
			Driver: "redis", Up: true, Self: clusterNode,
			Details: []backbone.Detail{{Name: "server", Value: "10.0.0.9:6379"}}, In: 12, Out: 9, BytesIn: 2400, BytesOut: 1800, Entries: 40,
		}, clusterNodes()[:2], 0, `{"driver":"redis","state":"connected","self":"a1b2","since":"2026-11-23T18:00:00Z","nodes":[` +
			`{"id":"a1b2","name":"host-1","state":"leaving","since":"2026-11-23T18:00:00Z","connections":602,"channels":40,"users":3,` +
			`"subscriptions":1200,"messages_in_per_s":1.5,"messages_out_per_s":900,"published_per_s":20,"memory_bytes":67108864,"loop_lag_ms":0.4,"cpu":0.25,"backlog_bytes":5,` +
			`"version":"0.3.0","started":"2026-11-23T18:00:00Z","ready":false,"reason":"draining","hooks_queued":1,"hooks_failing":2,"dead_letters":3,"console":null,"heard_ms":1500},` +
			`{"id":"c3","name":"host-2","state":"alive","since":"2026-11-23T18:00:00Z",` + unknown + `],` +
			`"details":[{"name":"server","value":"10.0.0.9:6379"}],` +
			`"counts":{"in":12,"out":9,"in_bytes":2400,"out_bytes":1800,"changes":40,"reconnects":0,"rejoins":0,"refetched":0,"waiting":0}}`},
		{backbone.Status{Driver: "nats", Reason: "no leader", Self: clusterNode}, nil, clusterAt.Add(time.Hour).UnixNano(),
			`{"driver":"nats","state":"away","reason":"no leader","self":"a1b2","since":"2026-11-23T19:00:00Z","nodes":[],` +
				`"counts":{"in":0,"out":0,"in_bytes":0,"out_bytes":0,"changes":0,"reconnects":0,"rejoins":0,"refetched":0,"waiting":0}}`},
	} {
		if got, err := main.ClusterStatus(tt.from, tt.away, tt.nodes); err != nil || string(got) != tt.want {
			t.Errorf("%+v\n got %s, %v\nwant %s", tt.from, got, err, tt.want)
		}
	}
}

func TestClusterStatusCommand(t *testing.T) {
	for _, tt := range []struct {
		from  backbone.Status
		nodes []fleet.Node
		code  int
		want  []string // with any number of blanks for one
	}{
		{backbone.Status{
			Driver: "redis", Up: true, Self: clusterNode, In: 12, Details: []backbone.Detail{{Name: "server", Value: "10.0.0.9:6379"}},
		}, clusterNodes(), 0, []string{
			"driver redis\nstate connected\n", "host-1 (asked) leaving ", " 602 2 900 64 MiB 0.4 ms 0.3.0 1.5s ago a1b2\n", "host-2 alive ", " - - - - - - - c3\n", "host-3 silent ", " 60.0s ago d4\n",
			"12 messages in, 0 out;", "server 10.0.0.9:6379\n",
		}},
		{backbone.Status{Driver: "nats", Reason: "no leader", Self: clusterNode}, nil, 1, []string{"state away\nreason no leader\n"}},
	} {
		var asked string
		node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Method + " " + r.URL.Path
			body, err := main.ClusterStatus(tt.from, 0, tt.nodes)
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(body)
		}))
		defer node.Close()
		code, out, errOut := runCommand(t, "", "cluster", "status", "--admin", node.URL)
		if code != tt.code || asked != "GET /api/cluster" {
			t.Errorf("code %d, want %d; asked for %s; %s", code, tt.code, asked, errOut)
		}
		for _, want := range tt.want {
			if !strings.Contains(blanks.ReplaceAllString(out, " "), want) {
				t.Errorf("want %q in\n%s", want, out)
			}
		}
		if code, out, _ := runCommand(t, "", "cluster", "status", "--json", "--admin", node.URL); code != 0 || !strings.HasPrefix(out, `{"driver":"`+tt.from.Driver) {
			t.Errorf("--json: code %d, %s", code, out)
		}
	}
	alone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"driver":"none","state":"alone","self":"","nodes":[]}`)
	}))
	defer alone.Close()
	if code, out, _ := runCommand(t, "", "cluster", "status", "--admin", alone.URL); code != 0 || out != "this server is alone: cluster.driver is none\n" {
		t.Errorf("alone: code %d, %q", code, out)
	}
}

func TestTheDoorsAnswerWhileTheBackboneIsWaitedFor(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	leave := main.OpenRoom([]net.Listener{ln}, "/realtime", func() (bool, string) { return false, "joining the cluster: no leader" })
	for path, want := range map[string]string{
		"/healthz": "200 OK", "/realtime/healthz": "200 OK", "/up": "200 OK", "/readyz": "503 joining the cluster: no leader",
		"/realtime/apps/a/events": "503 joining the cluster: no leader", "/app/key?protocol=7": "503 joining the cluster: no leader",
	} {
		answer, err := http.Get("http://" + ln.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if got := fmt.Sprintf("%d %s", answer.StatusCode, body); got != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", path, got, err, want)
		}
	}
	// One who is connected and says nothing holds nothing up.
	silent, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	leave()
	// The listener is open still, and somebody else's.
	next, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	for {
		conn, err := ln.Accept()
		if err != nil {
			t.Fatalf("Accept afterwards: %v", err)
		}
		conn.Close()
		if conn.RemoteAddr().String() == next.LocalAddr().String() {
			return
		}
	}
}
