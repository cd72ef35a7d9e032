package engine_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/engine"
)

// serveHTTP is serve with an HTTP server behind it, that answers with the body it got.
func serveHTTP(t *testing.T) (*server, *engine.HTTPListener) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hl := engine.NewHTTPListener(ln.Addr())
	if hl.Addr() != ln.Addr() {
		t.Error("Addr is not what was given")
	}
	s := serveOn(t, ln, &handler{}, func(c *engine.Config) { c.HTTP = hl; c.Loops = 2 })
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("body: %v", err)
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+len(r.URL.Path)))
		_, _ = io.WriteString(w, r.URL.Path)
		_, _ = w.Write(body)
	})}
	served := make(chan error, 1)
	go func() { served <- h.Serve(hl) }()
	t.Cleanup(func() {
		_ = h.Close()
		if err := wait(t, served, "http.Serve"); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("http.Serve: %v", err)
		}
		if err := hl.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.wantConns(0)
	})
	return s, hl
}

func post(path, body string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// wantAnswer reads one response.
func (c *client) wantAnswer(want string) {
	c.t.Helper()
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 || string(body) != want {
		c.t.Fatalf("got %d %.40q (%d bytes), %v; want %.40q (%d bytes)", r.StatusCode, body, len(body), err, want, len(want))
	}
}

func TestHTTPIsHandedOff(t *testing.T) { transports(t, testHTTPIsHandedOff) }

func testHTTPIsHandedOff(t *testing.T) {
	s, _ := serveHTTP(t)
	big := string(bytes.Repeat([]byte("0123456789"), 300_000))
	for name, talk := range map[string]func(c *client){
		"keep-alive": func(c *client) {
			for i := range 5 {
				c.write(post("/"+itoa(i), "body"))
				c.wantAnswer("/" + itoa(i) + "body")
			}
		},
		"pipelined in one segment": func(c *client) {
			c.write(post("/1", "one") + post("/2", "two") + "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n")
			c.wantAnswer("/1one")
			c.wantAnswer("/2two")
			c.wantAnswer("/3")
		},
		"3 MB": func(c *client) {
			go func() { _, _ = io.WriteString(c.Conn, post("/big", big)) }()
			c.wantAnswer("/big" + big)
		},
		"byte at a time": func(c *client) {
			for _, b := range []byte(post("/slow", "body")) {
				c.write(string([]byte{b}))
			}
			c.wantAnswer("/slowbody")
		},
		"head in two packets": func(c *client) {
			in := post("/split", "body")
			c.write(in[:20])
			s.on(0, func(*engine.Loop) {})
			s.on(1, func(*engine.Loop) {})
			c.write(in[20:])
			c.wantAnswer("/splitbody")
		},
		"FIN behind the request": func(c *client) {
			c.write(post("/fin", "body"))
			c.closeWrite()
			c.wantAnswer("/finbody")
			c.wantGone()
		},
	} {
		t.Run(name, func(t *testing.T) {
			ws := dial(t, s) // both kinds on one port
			c := raw(t, s)
			talk(&client{Conn: c.Conn, t: t, r: c.r})
			ws.echo("beside")
			_ = c.Close()
			ws.reset()
			s.wantConns(0)
			eventually(t, func() bool { return s.OnLoops() == 0 }, func() string { return "counted on the loops" })
		})
	}
	s.wantMetrics(map[string]string{`gannet_engine_handshakes_total{outcome="http"}`: "6"})
}

func TestHTTPIsRefusedWhenTheQueueIsClosed(t *testing.T) {
	transports(t, testHTTPIsRefusedWhenTheQueueIsClosed)
}

func testHTTPIsRefusedWhenTheQueueIsClosed(t *testing.T) {
	s, hl := serveHTTP(t)
	for range 2 {
		if err := hl.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := hl.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	c := raw(t, s)
	c.write(post("/", "body"))
	c.wantStatus("503")
	c.wantGone()
	_ = c.Close()
	s.wantConns(0)
}

// Close drops what waits, also what arrives at the same moment.
func TestCloseLeavesNothingInTheQueue(t *testing.T) { transports(t, testCloseLeavesNothingInTheQueue) }

func testCloseLeavesNothingInTheQueue(t *testing.T) {
	for range 20 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		hl := engine.NewHTTPListener(ln.Addr())
		s := serveOn(t, ln, &handler{}, func(c *engine.Config) { c.HTTP = hl })
		var clients sync.WaitGroup
		for range 4 {
			c := raw(t, s)
			clients.Go(func() {
				_, _ = io.WriteString(c.Conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				_, _ = io.Copy(io.Discard, c.r)
				_ = c.Close()
			})
		}
		eventually(t, func() bool { return strings.TrimSpace(s.metric("gannet_engine_accepts_total")) != "0" },
			func() string { return "nothing is accepted" })
		_ = hl.Close()
		clients.Wait()
		s.wantConns(0)
	}
}
