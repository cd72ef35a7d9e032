package admin_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.uber.org/goleak"

	"github.com/gannet-io/gannet/pusher/admin"
)

// What packages below start when they are loaded is not ours.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// serve starts a server on a free loopback port and returns its base URL.
func serve(t *testing.T, cfg admin.Config) (string, *admin.Server) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := admin.New(cfg)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return "http://" + ln.Addr().String(), s
}

func do(t *testing.T, method, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Gannet-Request", "1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestPathsAnswerAsDocumented(t *testing.T) {
	base, _ := serve(t, admin.Config{})
	for _, tt := range []struct {
		method, path string
		status       int
		contains     string
	}{
		{"GET", "/", 200, "/debug/pprof/"},
		{"GET", "/healthz", 200, "ok"},
		{"GET", "/readyz", 200, "ok"},
		{"HEAD", "/healthz", 200, ""},
		{"GET", "/metrics", 200, "process_resident_memory_bytes"},
		{"GET", "/metrics", 200, "\nprocess_open_fds "},
		{"GET", "/metrics", 200, "\nprocess_max_fds "},
		{"GET", "/metrics", 200, "go_goroutines"},
		{"GET", "/debug/pprof", 200, "goroutine"}, // follows the redirect
		{"GET", "/debug/pprof/", 200, "heap"},
		{"GET", "/debug/pprof/goroutine?debug=1", 200, "goroutine profile:"},
		{"GET", "/debug/pprof/heap?debug=1", 200, "heap profile:"},
		{"GET", "/debug/pprof/cmdline", 200, "admin.test"},
		{"GET", "/debug/pprof/symbol", 200, "num_symbols: 1"},
		{"POST", "/debug/pprof/symbol", 200, "num_symbols: 1"},
		{"GET", "/debug/pprof/nonesuch", 404, "Unknown profile"},
		{"GET", "/debug/pprof/profile?seconds=1", 200, ""},
		{"GET", "/nonesuch", 404, "Not found"},
		{"GET", "/apps/1/channels", 404, "Not found"},
		{"POST", "/metrics", 405, "Method not allowed"},
		{"POST", "/healthz", 405, "Method not allowed"},
		{"DELETE", "/debug/pprof/", 405, "Method not allowed"},
	} {
		if testing.Short() && strings.Contains(tt.path, "seconds=1") {
			continue
		}
		resp, body := do(t, tt.method, base+tt.path)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.contains) {
			t.Errorf("%s %s: got %d %.200q, want %d with %q", tt.method, tt.path, resp.StatusCode, body, tt.status, tt.contains)
		}
		if tt.status == 405 && resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", tt.method, tt.path, resp.Header.Get("Allow"))
		}
		if v := resp.Header.Get("Server"); v != "" {
			t.Errorf("%s %s: Server header %q, want none", tt.method, tt.path, v)
		}
	}
}

func TestAPIAnswersItsPathsWithEveryMethod(t *testing.T) {
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `"%s %s %s"`, r.Method, r.URL.RequestURI(), body)
	})
	base, _ := serve(t, admin.Config{API: map[string]http.Handler{"/api/things": api}})
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/api/things", 202}, {"POST", "/api/things/new?x=1", 202}, {"DELETE", "/api/things/a/b", 202},
		{"GET", "/api/thing", 404}, {"GET", "/api", 404}, {"GET", "/api/thingsandmore", 404}, {"GET", "/", 200},
	} {
		resp, body := do(t, tt.method, base+tt.path)
		if resp.StatusCode != tt.status {
			t.Errorf("%s %s: %d %s, want %d", tt.method, tt.path, resp.StatusCode, body, tt.status)
		}
		if want := fmt.Sprintf(`"%s %s "`, tt.method, tt.path); tt.status == 202 && (body != want || resp.Header.Get("Content-Type") != "application/json") {
			t.Errorf("%s %s: %s %s, want %s", tt.method, tt.path, resp.Header.Get("Content-Type"), body, want)
		}
	}
}

func TestMetricsShowsEverySet(t *testing.T) {
	a, b := metrics.NewSet(), metrics.NewSet()
	a.NewCounter(`one_total{x="y"}`).Add(3)
	b.NewGauge("two", func() float64 { return 4 })
	base, _ := serve(t, admin.Config{Sets: []*metrics.Set{a, b}})
	resp, body := do(t, "GET", base+"/metrics")
	for _, want := range []string{"one_total{x=\"y\"} 3\n", "two 4\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %q", want)
		}
	}
	if got := resp.Header.Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestReadyzGivesTheReason(t *testing.T) {
	reason := "draining"
	base, _ := serve(t, admin.Config{Ready: func() (bool, string) { return false, reason }})
	if resp, body := do(t, "GET", base+"/readyz"); resp.StatusCode != 503 || body != "draining\n" {
		t.Errorf("got %d %q, want 503 and the reason", resp.StatusCode, body)
	}
	reason = ""
	if resp, body := do(t, "GET", base+"/readyz"); resp.StatusCode != 503 || body != "not ready\n" {
		t.Errorf("got %d %q, want 503 without a reason", resp.StatusCode, body)
	}
	if resp, _ := do(t, "GET", base+"/healthz"); resp.StatusCode != 200 {
		t.Errorf("/healthz is %d while not ready, want 200", resp.StatusCode)
	}
}

func TestPanicIsAnsweredWith500AndLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	base, s := serve(t, admin.Config{
		Ready:  func() (bool, string) { panic("boom") },
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	resp, body := do(t, "GET", base+"/readyz")
	if resp.StatusCode != 500 || strings.Contains(body, "boom") {
		t.Errorf("got %d %q, want 500 that does not show the panic", resp.StatusCode, body)
	}
	if resp, _ := do(t, "GET", base+"/healthz"); resp.StatusCode != 200 {
		t.Errorf("after the panic: got %d", resp.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "boom"); n != 1 {
		t.Errorf("panic logged %d times: %s", n, &log)
	}
}

func TestServeAfterShutdownIsRefused(t *testing.T) {
	s := admin.New(admin.Config{})
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("listener is still open: %v", err)
	}
}

func TestOneServerServesSeveralListeners(t *testing.T) {
	base, s := serve(t, admin.Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	for _, u := range []string{base, "http://" + ln.Addr().String()} {
		if resp, _ := do(t, "GET", u+"/healthz"); resp.StatusCode != 200 {
			t.Errorf("%s: %d", u, resp.StatusCode)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// starved is a listener that once is out of descriptors.
type starved struct {
	net.Listener
	failures int
}

func (l *starved) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestServeOutlivesALackOfDescriptors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := admin.New(admin.Config{})
	done := make(chan error, 1)
	go func() { done <- s.Serve(&starved{ln, 1}) }()
	if resp, _ := do(t, "GET", "http://"+ln.Addr().String()+"/healthz"); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestMalformedRequestIsRefused(t *testing.T) {
	base, _ := serve(t, admin.Config{})
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("got %d, want 400", resp.StatusCode)
	}
}

// TestAnEarlyShutdownIsNoFailure: net/http may find a listener closed that it has just come to know.
func TestAnEarlyShutdownIsNoFailure(t *testing.T) {
	for range 300 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := admin.New(admin.Config{})
		served := make(chan error, 1)
		go func() { served <- s.Serve(ln) }()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Fatalf("Shutdown: %v", err)
		}
		if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Fatalf("Serve: %v", err)
		}
	}
}
