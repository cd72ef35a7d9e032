package main_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	main "github.com/gannet-io/gannet/cmd/gannet"
	"github.com/gannet-io/gannet/engine/backbone"
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
	if err != nil || c.RootCAs == nil || c.ClientCAs == nil || c.ClientAuth != tls.RequireAndVerifyClientCert || len(c.Certificates) != 1 || c.MinVersion < tls.VersionTLS12 {
		t.Errorf("got %+v, %v", c, err)
	}
	if c, err := new(main.LinkTLSConfig).Config(); c != nil || err != nil {
		t.Errorf("without files: %v, %v", c, err)
	}
	if _, err := (&main.LinkTLSConfig{CA: f.key}).Config(); err == nil || !strings.HasSuffix(err.Error(), "holds no certificate") {
		t.Errorf("a key for a certificate: %v", err)
	}
}

var (
	clusterAt   = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	clusterNode = backbone.Node{ID: "a1b2", Name: "host-1", Since: clusterAt}
)

// TestClusterStatusInJSON is what docs/admin-api.md says.
func TestClusterStatusInJSON(t *testing.T) {
	for _, tt := range []struct {
		from backbone.Status
		away int64
		want string
	}{
		{backbone.Status{
			Driver: "redis", Up: true, Self: clusterNode, Nodes: []backbone.Node{clusterNode, {ID: "c3", Name: "host-2", Since: clusterAt}},
			Details: []backbone.Detail{{Name: "server", Value: "10.0.0.9:6379"}}, In: 12, Out: 9, BytesIn: 2400, BytesOut: 1800, Entries: 40,
		}, 0, `{"driver":"redis","state":"connected","self":"a1b2","since":"2026-11-23T18:00:00Z","nodes":[` +
			`{"id":"a1b2","name":"host-1","state":"leaving","since":"2026-11-23T18:00:00Z","connections":602,"channels":null,"users":null},` +
			`{"id":"c3","name":"host-2","state":"alive","since":"2026-11-23T18:00:00Z","connections":null,"channels":null,"users":null}],` +
			`"details":[{"name":"server","value":"10.0.0.9:6379"}],` +
			`"counts":{"in":12,"out":9,"in_bytes":2400,"out_bytes":1800,"changes":40,"reconnects":0,"rejoins":0,"refetched":0,"waiting":0}}`},
		{backbone.Status{Driver: "nats", Reason: "no leader", Self: clusterNode}, clusterAt.Add(time.Hour).UnixNano(),
			`{"driver":"nats","state":"away","reason":"no leader","self":"a1b2","since":"2026-11-23T19:00:00Z","nodes":[],` +
				`"counts":{"in":0,"out":0,"in_bytes":0,"out_bytes":0,"changes":0,"reconnects":0,"rejoins":0,"refetched":0,"waiting":0}}`},
	} {
		if got, err := main.ClusterStatus(tt.from, tt.away, 602, true); err != nil || string(got) != tt.want {
			t.Errorf("%+v\n got %s, %v\nwant %s", tt.from, got, err, tt.want)
		}
	}
}

func TestClusterStatusCommand(t *testing.T) {
	for _, tt := range []struct {
		from backbone.Status
		code int
		want []string
	}{
		{backbone.Status{
			Driver: "redis", Up: true, Self: clusterNode, Nodes: []backbone.Node{clusterNode, {ID: "c3", Name: "host-2", Since: time.Now()}}, In: 12,
			Details: []backbone.Detail{{Name: "server", Value: "10.0.0.9:6379"}},
		}, 0, []string{"driver  redis\nstate   connected\n", "host-1 (asked)  leaving  ", "  602          a1b2\n", "host-2          alive    0s", "  -            c3\n", "12 messages in, 0 out;", "server  10.0.0.9:6379\n"}},
		{backbone.Status{Driver: "nats", Reason: "no leader", Self: clusterNode}, 1, []string{"state   away\nreason  no leader\n"}},
	} {
		var asked string
		node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Method + " " + r.URL.Path
			body, err := main.ClusterStatus(tt.from, 0, 602, true)
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
			if !strings.Contains(out, want) {
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
