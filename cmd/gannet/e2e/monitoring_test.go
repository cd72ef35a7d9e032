//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/goccy/go-yaml"
	"github.com/pusher/pusher-http-go/v5"
)

const monitoring = "../../../docs/monitoring"

// promtool runs a command of Prometheus' own checker.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("promtool", args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestAlertsAreWhatPrometheusTakes(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	promtool(t, "check", "rules", monitoring+"/alerts.yaml")
	promtool(t, "test", "rules", monitoring+"/alerts_test.yaml")

	// Each alert has a moment at which it fires there.
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert string `yaml:"alert"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	text, err := os.ReadFile(monitoring + "/alerts.yaml")
	check(t, err)
	check(t, yaml.Unmarshal(text, &rules))
	tests, err := os.ReadFile(monitoring + "/alerts_test.yaml")
	check(t, err)
	for _, r := range rules.Groups[0].Rules {
		if !strings.Contains(string(tests), "alertname: "+r.Alert+"\n        exp_alerts:\n          - exp_labels:") {
			t.Errorf("alerts_test.yaml never has %s fire", r.Alert)
		}
	}
}

// A prometheus scrapes what it is told to, often.
type prometheus struct {
	*process
	t *testing.T
}

// startPrometheus starts one with the configuration that docs/monitoring.md shows, but for addresses and the interval.
func startPrometheus(t *testing.T, targets ...string) prometheus {
	t.Helper()
	folder := t.TempDir()
	rules, err := os.ReadFile(monitoring + "/alerts.yaml")
	check(t, err)
	check(t, os.WriteFile(filepath.Join(folder, "alerts.yaml"), rules, 0o600))
	page, err := os.ReadFile("../../../docs/monitoring.md")
	check(t, err)
	_, shown, _ := strings.Cut(string(page), "```yaml\n# prometheus.yml\n")
	shown, _, ok := strings.Cut(shown, "```")
	settings := "global: { scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 1s }\n" +
		strings.Replace(shown, `["127.0.0.1:9601"]`, encode(targets), 1)
	if !ok || !strings.Contains(settings, encode(targets)) {
		t.Fatalf("docs/monitoring.md does not show a prometheus.yml:\n%s", shown)
	}
	file := filepath.Join(folder, "prometheus.yml")
	check(t, os.WriteFile(file, []byte(settings), 0o600))
	promtool(t, "check", "config", file)
	port := freePort(t)
	return prometheus{t: t, process: startProcess(t, port, "prometheus", "--config.file="+file, "--storage.tsdb.path="+folder+"/data",
		"--web.listen-address=127.0.0.1:"+strconv.Itoa(port), "--log.level=error")}
}

func (p prometheus) ask(path string, into any) error {
	resp, err := http.Get("http://127.0.0.1:" + strconv.Itoa(p.port) + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s", answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// query returns the values of an expression, those that are no number left out.
func (p prometheus) query(expr string) (values []float64, err error) {
	var data struct {
		Result []struct{ Value [2]any }
	}
	if err := p.ask("/api/v1/query?query="+url.QueryEscape(expr), &data); err != nil {
		return nil, err
	}
	for _, r := range data.Result {
		text, _ := r.Value[1].(string)
		if v, err := strconv.ParseFloat(text, 64); err == nil && v == v {
			values = append(values, v)
		}
	}
	return values, nil
}

// mayBeSilent are metrics that this test does not bring about, with the reason: an expression of one may have no answer. All others must have one.
var mayBeSilent = map[string]string{
	"gannet_acmecerts_orders_total":     "no authority issues certificates here",
	"gannet_engine_peer_refusals_total": "there is no limit of connections by address",
}

// TestTheDashboardHasAnswers has a real Prometheus scrape a node alone and two of a cluster, all with something to do, and asks it for every
// expression of the dashboard.
func TestTheDashboardHasAnswers(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	fleet := startFleet(t, 2, redisBus(startRedis(t, freePort(t), t.TempDir()).port))
	alone := startAlone(t)
	servers := []*server{alone, fleet.nodes[0], fleet.nodes[1]}
	p := startPrometheus(t, alone.admin, fleet.nodes[0].admin, fleet.nodes[1].admin)

	text, err := os.ReadFile(monitoring + "/grafana.json")
	check(t, err)
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	check(t, json.Unmarshal(text, &board))
	var open []string // what has had no answer yet
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			open = append(open, strings.NewReplacer("$job", "gannet", "$instance", ".+", "$__rate_interval", "10s").Replace(target.Expr))
		}
	}
	if len(open) < 80 {
		t.Fatalf("%d expressions", len(open))
	}
	var busy []*busyClients
	for _, s := range servers {
		busy = append(busy, newBusyClients(t, s))
	}
	round := 0
	eventually(t, "Prometheus answers every expression of the dashboard", func() bool {
		for _, b := range busy {
			b.round(round)
		}
		round++
		var still []string
		for _, expr := range open {
			values, err := p.query(expr)
			if err != nil {
				t.Fatalf("%s: %v", expr, err)
			}
			if len(values) == 0 && !excused(expr) {
				still = append(still, expr)
			}
		}
		open = still
		if round%20 == 0 {
			t.Logf("after %d rounds no answer to:\n%s", round, strings.Join(open, "\n"))
		}
		return len(open) == 0
	})

	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	check(t, p.ask("/api/v1/rules", &rules))
	for _, r := range rules.Groups[0].Rules {
		if r.Health != "ok" && r.Health != "unknown" {
			t.Errorf("%s: %s", r.Name, r.LastError)
		}
	}
	// What Prometheus has read is what was scraped: three nodes, of which two are a cluster.
	for expr, want := range map[string]float64{
		`sum(up{job="gannet"})`: 3, `sum(gannet_cluster_up)`: 2, `min(gannet_cluster_nodes)`: 2, `count(gannet_certs_expiry_seconds)`: 1,
	} {
		if values, err := p.query(expr); err != nil || len(values) != 1 || values[0] != want {
			t.Errorf("%s: %v %v, want %v", expr, values, err, want)
		}
	}
}

func excused(expr string) bool {
	for metric := range mayBeSilent {
		if strings.Contains(expr, metric+"{") {
			return true
		}
	}
	return false
}

// startAlone starts a node that has what those of a fleet have not: a certificate, a webhook whose receiver fails, a password.
func startAlone(t *testing.T) *server {
	t.Helper()
	hooks := newReceiver(t)
	hooks.answers(func(string) int { return http.StatusInternalServerError })
	folder := t.TempDir()
	settings := strings.Replace(hookSettings(hooks.URL+"/hook", folder, ", retry_for: 1s"), "apps:\n", "apps:\n  - { id: other, key: other, secret: other, enabled: false }\n", 1)
	settings = strings.Replace(settings, `admin: { listen: "127.0.0.1:0" }`, `admin: { listen: "127.0.0.1:0", password: a-password, public: [health, metrics] }`, 1)
	settings += fmt.Sprintf(`    channels: [ { match: "*log-*", history: { events: 5, ttl: 5m } } ]
tls: { certificates: [ { cert: %q, key: %q } ] }
`, certFile, certFile)
	file := filepath.Join(folder, "gannet.yaml")
	check(t, os.WriteFile(file, []byte(settings), 0o600))
	s, err := serve(binary, "--config", file)
	return supervise(t, s, err)
}

// busyClients keep a server busy, with what goes well and with what does not.
type busyClients struct {
	t       *testing.T
	s       *server
	backend *pusher.Client
	stays   *client
}

func newBusyClients(t *testing.T, s *server) *busyClients {
	t.Helper()
	b := &busyClients{t: t, s: s, backend: backendOf(s, hooked), stays: connectTo(t, s, hooked)}
	for _, channel := range []string{"news", "log-1"} {
		b.stays.sendf(`{"event":"pusher:subscribe","data":{"channel":%q}}`, channel)
		b.stays.read()
	}
	_ = b.stays.conn.SetReadDeadline(time.Time{})
	go func() { _, _ = io.Copy(io.Discard, b.stays.conn) }() // until the test closes it
	return b
}

// round does a little of everything.
func (b *busyClients) round(n int) {
	b.t.Helper()
	for _, channel := range []string{"news", "log-1"} {
		check(b.t, b.backend.Trigger(channel, "e", map[string]int{"n": n}))
	}
	if err := backendOf(b.s, account{ID: hooked.ID, Key: hooked.Key, Secret: "wrong"}).Trigger("news", "e", "x"); err == nil {
		b.t.Error("a wrong secret was good enough")
	}
	c := connectTo(b.t, b.s, hooked)
	defer c.conn.Close()
	c.sendf(`{"event":"pusher:subscribe","data":{"channel":"presence-%d","auth":"none"}}`, n) // refused
	c.sendf(`{"event":"pusher:subscribe","data":{"channel":"log-1","resume":"none-1"}}`)      // not recovered
	c.read()
	for _, path := range []string{"/app/nobody?protocol=7", "/app/other?protocol=7"} {
		refused := dial(b.t, b.s, path, ws.Dialer{})
		refused.read()
		refused.conn.Close()
	}
	if resp, err := http.Get("http://" + b.s.admin + "/api/apps"); err == nil { // refused by the one with a password
		resp.Body.Close()
	}
}
