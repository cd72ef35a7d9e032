package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	loadtest "github.com/gannet-io/gannet/loadtest"
	"github.com/gannet-io/gannet/loadtest/report"
)

// A member of a crew is this program started again, and in tests this program is the test.
func TestMain(m *testing.M) {
	if os.Getenv("GANNET_LOADTEST_MEMBER") != "" {
		os.Exit(loadtest.Run(context.Background(), os.Stdout, os.Stderr))
	}
	// What the person who runs the tests has configured is not their business.
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "GANNET_") {
			os.Unsetenv(name)
		}
	}
	code := m.Run()
	stopServer()
	os.Exit(code)
}

// A server is Gannet in a process of its own.
type server struct {
	url, metrics string
	pid          int
}

// secure returns where s speaks TLS.
func (s *server) secure() string { return strings.Replace(s.url, "http://", "https://", 1) }

// stopServer ends the server, if there is one, and removes its binary.
var stopServer = func() {}

// serve returns the server of all tests.
func serve(t *testing.T) *server {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the generator needs Linux")
	}
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start builds and starts the server, once.
var start = sync.OnceValues(func() (*server, error) {
	dir, err := os.MkdirTemp("", "loadtest")
	if err != nil {
		return nil, err
	}
	stopServer = func() { _ = os.RemoveAll(dir) }
	binary := filepath.Join(dir, "gannet")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/gannet").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the server: %w\n%s", err, out)
	}
	cmd := exec.Command(binary, "serve", "--dev", "--dev-tls", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--drain-window=0s", "--log-level=error")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stopServer = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, as it will say
		_ = os.RemoveAll(dir)
	}
	s := &server{pid: cmd.Process.Pid}
	lines := bufio.NewScanner(out)
	for s.metrics == "" && lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "gannet: listening on "); ok {
			s.url = "http://" + address
		}
		if address, ok := strings.CutPrefix(lines.Text(), "gannet: admin on "); ok {
			s.metrics = "http://" + address + "/metrics"
		}
	}
	if s.url == "" || s.metrics == "" {
		return nil, fmt.Errorf("the server did not say where it is: %w", lines.Err())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // until it ends
	return s, nil
})

// run runs a scenario against s and returns its result. On a machine that had nothing left for the
// generator it runs it again: then things fell due that were never begun, and it says so. Any other
// fault is one.
func (s *server) run(t *testing.T, args ...string) (r *report.Result) {
	t.Helper()
	for range 20 {
		r = s.runOnce(t, args...)
		late := false
		if d := r.Delivery; d != nil {
			late = d.Unsent > 0 || d.Latency.Count == 0
		}
		if c := r.Churn; c != nil {
			late = late || c.Abandoned > 0 || c.Joined == 0
		}
		if !late {
			break
		}
		t.Logf("%q: again, since it came late: %v", args, r.Marks)
	}
	if d := r.Delivery; d != nil && (d.Published == 0 || d.Expected == 0 || d.Unsent != 0) {
		t.Errorf("%q: %+v", args, d)
	}
	if d := r.Delivery; d != nil && (d.Latency.Count == 0 || d.Latency.P50 <= 0 || d.Latency.Max < d.Latency.P50) {
		t.Errorf("%q: latency %+v", args, d.Latency)
	}
	return r
}

func (s *server) runOnce(t *testing.T, args ...string) *report.Result {
	t.Helper()
	picture := filepath.Join(t.TempDir(), "result.svg")
	args = append([]string{args[0], "--url=" + s.url}, args[1:]...)
	args = append(args, "--server-pid="+strconv.Itoa(s.pid), "--metrics="+s.metrics,
		"--warmup=100ms", "--duration=500ms", "--settle=0s", "--json=-", "--svg="+picture)
	var out, progress bytes.Buffer
	if code := loadtest.Run(t.Context(), &out, &progress, args...); code != 0 {
		t.Fatalf("%q: exit code %d\n%s%s", args, code, progress.String(), out.String())
	}
	var r report.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out.String())
	}
	drawn, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	var sheet struct {
		XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	}
	if err := xml.Unmarshal(drawn, &sheet); err != nil {
		t.Errorf("%q: the picture: %v", args, err)
	}
	// The machine that runs the tests may be busy, so the generator may be starved and late; that is
	// all that may be wrong.
	for _, mark := range r.Marks {
		if !strings.Contains(mark, "GENERATOR") && !strings.HasPrefix(mark, "BEHIND") {
			t.Errorf("%q: %s", args, mark)
		}
	}
	if len(r.Problems) > 0 || r.Connect.Dropped > 0 {
		t.Errorf("%q: %d dropped, problems %v", args, r.Connect.Dropped, r.Problems)
	}
	if d := r.Delivery; d != nil && (d.Delivered != d.Expected || d.Duplicates+d.Disordered+d.Stray+d.Refused+d.Stalled != 0) {
		t.Errorf("%q: %+v", args, d)
	}
	return &r
}

func TestScenariosMeasureARealServer(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct {
		args      []string
		published int64 // in 0.6 s with the warm-up; 0: whatever the server can
		reach     int64 // subscribers that each message goes to
		joined    int64 // of churn
	}{
		{[]string{"echo"}, 120, 1, 0},
		{[]string{"fanout", "--subscribers=200", "--channels=4", "--publishers=2", "--rate=100"}, 60, 50, 0},
		{[]string{"fanout", "--subscribers=100", "--publishers=3", "--saturate", "--window=4"}, 0, 100, 0},
		{[]string{"fanout", "--subscribers=100", "--publishers=2", "--saturate", "--window=2", "--until=first"}, 0, 100, 0},
		{[]string{"fanout", "--subscribers=90", "--via=client", "--publishers=5", "--rate=20", "--processes=3", "--sources=2"}, 12, 90, 0},
		{[]string{"ticker", "--subscribers=50", "--channels=100", "--per-client=10", "--rate=200", "--burst=100"}, 200, 0, 0},
		{[]string{"ticker", "--subscribers=50", "--channels=100", "--per-client=100", "--rate=200", "--burst=1"}, 120, 50, 0},
		{[]string{"idle", "--subscribers=600", "--eager", "--workers=2"}, 0, 0, 0},
		{[]string{"churn", "--churn-rate=200", "--churn-hold=50ms", "--prefix=private-"}, 0, 0, 120},
		{[]string{"mixed", "--subscribers=100", "--channels=10", "--churn-hold=100ms", "--churn-rate=50"}, 120, 9, 30},
		{[]string{"soak", "--subscribers=50", "--channels=5", "--churn-hold=100ms"}, 120, 10, 12},
		{[]string{"fanout", "--subscribers=60", "--channels=4", "--rate=100", "--payload=9000", "--url=" + s.secure()}, 60, 15, 0},
		{[]string{"flood", "--subscribers=10", "--churn-rate=100", "--url=" + s.secure()}, 60, 1, 60},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && tt.args[0] != "echo" {
				t.Skip("takes 1 s: a load test on all processors")
			}
			r := s.run(t, tt.args...)
			if d := r.Delivery; tt.published > 0 && (d == nil || d.Published != tt.published || tt.reach > 0 && d.Expected != tt.published*tt.reach) {
				t.Errorf("%+v; want %d published to %d each", d, tt.published, tt.reach)
			}
			if (r.Delivery != nil) != (tt.args[0] != "idle" && tt.args[0] != "churn") {
				t.Errorf("deliveries are there, or not: %+v", r.Delivery)
			}
			if c := r.Churn; tt.joined > 0 && (c == nil || c.Joined != tt.joined || c.Rejected+c.Cut+c.Abandoned != 0) {
				t.Errorf("%+v; want %d joined", c, tt.joined)
			}
			if r.Connect.Subscribed != int64(r.Setup.Subscribers) || r.Server == nil || r.Server.Cores == nil || r.Server.Goroutines == nil {
				t.Errorf("%+v, %+v", r.Connect, r.Server)
			}
		})
	}
}

// The server under test gives up a client when a megabyte waits for it; in 0.6 s each is sent three,
// of which the kernel keeps a part.
func TestDeafSubscribersAreSlowConsumersAndNothingIsExpectedOfThem(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1 s: a load test")
	}
	s := serve(t)
	before := s.metric(t, `gannet_engine_dropped_frames_total{reason="slow"}`)
	r := s.run(t, "fanout", "--subscribers=4", "--deaf=3", "--rate=500", "--batch=10", "--payload=10000")
	if d := r.Delivery; r.Setup.Deaf != 3 || d.Published != 300 || d.Expected != 4*300 {
		t.Errorf("%+v, %+v; want 300 published to 4 each", r.Setup, d)
	}
	if after := s.metric(t, `gannet_engine_dropped_frames_total{reason="slow"}`); after <= before {
		t.Errorf("the server has dropped nothing for slow clients")
	}
}

// Those who read a little are not cut off where they read as much as there is: 50 messages of a kilobyte a second.
func TestDeafSubscribersMayReadALittle(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1 s: a load test")
	}
	s := serve(t)
	before := s.metric(t, `gannet_engine_dropped_frames_total{reason="slow"}`)
	r := s.run(t, "fanout", "--subscribers=4", "--deaf=3", "--deaf-rate=500000", "--rate=50", "--payload=1000")
	if d := r.Delivery; r.Setup.Deaf != 3 || r.Setup.DeafRate != 500000 || d.Expected != 4*d.Published {
		t.Errorf("%+v, %+v", r.Setup, d)
	}
	if after := s.metric(t, `gannet_engine_dropped_frames_total{reason="slow"}`); after != before {
		t.Errorf("the server has dropped %v frames for slow clients", after-before)
	}
}

// metric returns a metric of the server's, 0 when it has none of that name.
func (s *server) metric(t *testing.T, name string) (value float64) {
	t.Helper()
	response, err := http.Get(s.metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if value, err = strconv.ParseFloat(strings.TrimSpace(rest), 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	return value
}

// inTime runs a command line, again when the machine was so busy that nothing of it came in time.
func inTime(t *testing.T, args ...string) (code int, out, progress *bytes.Buffer) {
	t.Helper()
	for range 20 {
		out, progress = new(bytes.Buffer), new(bytes.Buffer)
		code = loadtest.Run(t.Context(), out, progress, args...)
		if !strings.Contains(out.String(), "!! BEHIND") {
			break
		}
	}
	return code, out, progress
}

func TestTableIsWrittenWithoutJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1.5 s: a load test")
	}
	s := serve(t)
	document := filepath.Join(t.TempDir(), "result.json")
	code, out, progress := inTime(t, "echo", "--url="+s.url, "--warmup=0s", "--duration=300ms", "--secret", "app-secret", "--json="+document)
	if code != 0 || !strings.Contains(out.String(), "\nLatency from due ") || strings.Contains(out.String(), "app-secret") {
		t.Errorf("code %d\n%s%s", code, out.String(), progress.String())
	}
	written, err := os.ReadFile(document)
	if err != nil || !json.Valid(written) || bytes.Contains(written, []byte("app-secret")) {
		t.Errorf("%v\n%s", err, written)
	}
}

func TestServerThatRefusesIsReported(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1.5 s: three load tests")
	}
	s := serve(t)
	for want, args := range map[string][]string{
		"pusher:error 4001": {"echo", "--key=wrong"},
		"Invalid signature": {"fanout", "--prefix=private-", "--secret=wrong"},
	} {
		var out, progress bytes.Buffer
		code := loadtest.Run(t.Context(), &out, &progress, append(args, "--url="+s.url, "--duration=300ms", "--warmup=0s")...)
		if code != 1 || !strings.Contains(progress.String(), want) {
			t.Errorf("%q: code %d, want 1 and %q\n%s%s", args, code, want, progress.String(), out.String())
		}
	}
	// A publish that is refused is a result, but no clean one.
	code, out, progress := inTime(t, "echo", "--url="+s.url, "--secret=wrong", "--strict", "--duration=300ms", "--warmup=0s")
	if code != 3 || !strings.Contains(out.String(), "publish: HTTP 401") {
		t.Errorf("code %d, want 3\n%s%s", code, progress.String(), out.String())
	}
}

func TestCommandLinesThatMakeNoSenseExitWith2(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the generator needs Linux")
	}
	for want, args := range map[string][]string{
		"there is no scenario":        {"fanuot"},
		"not defined: -subscriber":    {"fanout", "--subscriber=3"},
		"is not a flag":               {"fanout", "more"},
		"not on this machine":         {"fanout", "--url=http://192.0.2.1:6001"},
		"must be http, https":         {"fanout", "--url=ftp://127.0.0.1"},
		"is not a URL":                {"fanout", "--url=127.0.0.1:6001"},
		"payload is 10":               {"fanout", "--payload=10"},
		"must be rest, client or mem": {"fanout", "--via=smoke"},
		"have no answer":              {"fanout", "--via=client", "--saturate", "--until=answer"},
		"must be pusher or centr":     {"fanout", "--protocol=morse"},
		"is spoken over WebSocket":    {"fanout", "--protocol=centrifuge", "--eager"},
		"leave --publishers out":      {"mixed", "--publishers=3"},
		"use --processes":             {"idle", "--subscribers=100000", "--processes=1"},
	} {
		var out, errOut bytes.Buffer
		code := loadtest.Run(t.Context(), &out, &errOut, args...)
		if code != 2 || !strings.Contains(errOut.String(), want) {
			t.Errorf("%q: code %d, %s; want 2 and %q", args, code, errOut.String(), want)
		}
	}
}

func TestHelpListsScenariosAndTheirDefaults(t *testing.T) {
	var out bytes.Buffer
	if code := loadtest.Run(t.Context(), &out, io.Discard, "--help"); code != 0 || !strings.Contains(out.String(), "  ticker   1000 channels") {
		t.Errorf("code %d\n%s", code, out.String())
	}
	for _, scenario := range []string{"echo", "fanout", "ticker", "idle", "churn", "mixed", "soak"} {
		out.Reset()
		if code := loadtest.Run(t.Context(), &out, io.Discard, scenario, "--help"); code != 0 || !strings.Contains(out.String(), fmt.Sprintf("Usage: loadtest %s [flags]", scenario)) {
			t.Errorf("%s: code %d\n%s", scenario, code, out.String())
		}
	}
}
