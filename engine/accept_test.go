package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
)

func TestHeadsAreBoundedInTimeAndSize(t *testing.T) { transports(t, testHeadsAreBoundedInTimeAndSize) }

func testHeadsAreBoundedInTimeAndSize(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1.5 s: heads run out of time")
	}
	h := &handler{upgrade: func(*engine.Conn, *handshake.Request) (string, *handshake.Error) {
		t.Error("Upgrade called")
		return "", nil
	}}
	s := serve(t, h)
	for _, tt := range []struct{ input, status string }{
		{"\x16\x03\x01\x02\x00\x01", "400"}, // a TLS hello
		{"GET / HTTP/1.1\nHost: x\n\n", "400"},
		{"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 8192), "431"},
		{"GET /" + strings.Repeat("x", 5000), "414"},
		{strings.Replace(request, "Version: 13", "Version: 8", 1), "426"},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404"}, // there is no HTTP server
	} {
		c := raw(t, s)
		c.write(tt.input)
		c.wantStatus(tt.status)
		c.wantGone()
		_ = c.Close()
	}
	s.wantConns(0)
	s = serve(t, h, func(c *engine.Config) { c.HeadTimeout = 300 * time.Millisecond })
	for _, head := range []string{"", "G", request[:len(request)-1]} {
		c := raw(t, s)
		_, _ = io.WriteString(c.Conn, head) // on a busy machine the time may be over before
		c.wantGone()
	}
	s.wantConns(0)
	// On a busy machine the time may be over before TLS is.
	timeouts := func() (n int) {
		for _, name := range []string{`handshakes_total{outcome="timeout"}`, `tls_handshakes_total{version="none",outcome="timeout"}`,
			`tls_handshakes_total{version="1.2",outcome="timeout"}`, `tls_handshakes_total{version="1.3",outcome="timeout"}`} {
			if text := s.metric("gannet_engine_" + name); text != "" {
				n += s.count("gannet_engine_" + name)
			}
		}
		return n
	}
	eventually(t, func() bool { return timeouts() == 3 }, func() string { return fmt.Sprintf("%d heads timed out, want 3", timeouts()) })
	s.wantMetrics(map[string]string{"gannet_engine_websockets": "0", `gannet_engine_handshakes_total{outcome="accepted"}`: "0"})
	if got := s.metric(`gannet_engine_closes_total{reason="timeout"}`); got != "" {
		t.Errorf("heads that never came count as %s closed WebSockets", got)
	}
}

func TestMaxConnsPausesAccepting(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.MaxConns = 3 })
	conns := []*client{dial(t, s), dial(t, s), dial(t, s)}
	// These are in the kernel's queue or in an acceptor's hand, and not cut off.
	late := []*client{raw(t, s), raw(t, s), raw(t, s)}
	for _, c := range late {
		c.write(request)
	}
	eventually(t, func() bool { return s.metric(`gannet_engine_accept_pauses_total{reason="sockets"}`) != "0" },
		func() string { return "accepting does not pause" })
	for range 20 {
		conns[0].echo("alive")
		if n := s.Conns(); n > 3 {
			t.Fatalf("%d sockets are held, 3 are allowed", n)
		}
	}
	for i, c := range late {
		conns[i].reset()
		// Whoever comes first is served first, but the two acceptors may swap neighbours.
		_ = c
	}
	for _, c := range late {
		c.wantBytes(accepted)
		c.echo("in at last")
	}
}

func TestDrainEmptiesTheEngine(t *testing.T) { transports(t, testDrainEmptiesTheEngine) }

func testDrainEmptiesTheEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1.5 s: a drain window of a second")
	}
	const conns = 200
	engine.SetDrainHead(t, patience) // or a client that waits for a processor would be too late
	s := serve(t, &handler{notice: func(c *engine.Conn, n engine.Notice) {
		if n == engine.Drain {
			c.Close(4200, "reconnect")
		}
	}}, func(c *engine.Config) { c.Loops = 2 })
	clients := make([]*client, conns)
	for i := range clients {
		clients[i] = dial(t, s)
	}
	late := raw(t, s) // mid-handshake
	late.write(request[:40])
	s.wantConns(conns + 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(ctx, time.Second) }()
	eventually(t, s.Draining, func() string { return "not draining" })
	eventually(t, func() bool {
		c, err := net.Dial("tcp", s.ln.Addr().String())
		if err == nil {
			_ = c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	}, func() string { return "the listener is open" })
	late.write(request[40:])
	late.wantBytes(accepted)
	for _, c := range append(clients, late) {
		c.wantClose(4200, "reconnect")
		c.write(closing(4200, ""))
		c.wantEnd()
		_ = c.Close()
	}
	if err := wait(t, drained, "Drain"); err != nil {
		t.Fatal(err)
	}
	if err := s.Drain(ctx, time.Second); err != engine.ErrStopped {
		t.Errorf("a second Drain: %v", err)
	}
	s.wantConns(0)
}

// What is looked at are the moments that conns are given, since a loop that has to wait for a
// processor tells several at once.
func TestDrainSpreadsItsFarewells(t *testing.T) {
	const conns, window = 200, 1000 * time.Second
	s := serve(t, &handler{})
	for range conns {
		dial(t, s)
	}
	var tenths [10]int
	s.on(0, func(l *engine.Loop) {
		for _, wait := range l.SpreadDrain(window) {
			if wait <= 0 || wait > window+time.Second {
				t.Errorf("a conn is told after %v of %v", wait, window)
				continue
			}
			tenths[min(wait*10/window, 9)]++
		}
	})
	for i, n := range tenths {
		if n < 1 || n > conns/3 {
			t.Errorf("%d of %d conns are told in tenth %d of the window: %d", n, conns, i, tenths)
		}
	}
}

func TestDrainGivesUpWithItsContext(t *testing.T) {
	s := serve(t, &handler{notice: func(*engine.Conn, engine.Notice) {}})
	dial(t, s)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := s.Drain(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain: %v", err)
	}
}

func TestServeReportsAListenerClosedByOthers(t *testing.T) {
	s := serve(t, &handler{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	_ = ln.Close()
	if err := wait(t, served, "Serve"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
	dial(t, s).echo("the other listener is unharmed")
}

// gnet gives the memory of an address's zone to its buffer pool when a conn ends; net keeps
// the zone's name in a cache of its own, which the next peek would then overwrite.
func TestZonesOfAddressesSurvive(t *testing.T) {
	ln, addr := listenLinkLocal(t)
	zones := make(chan string, 1)
	s := serveOn(t, ln, &handler{upgrade: func(c *engine.Conn, _ *handshake.Request) (string, *handshake.Error) {
		zones <- strings.Clone(c.RemoteAddr().(*net.TCPAddr).Zone)
		return "", nil
	}})
	s.ln = fakeListener{ln, addr}
	for range 10 {
		c := raw(t, s)
		for i := range 6 { // the peeks over two reads take small buffers from the pool
			c.write(request[i : i+1])
			s.on(0, func(*engine.Loop) {})
		}
		c.write(request[6:])
		c.wantBytes(accepted)
		if got := wait(t, zones, "Upgrade"); got != addr.Zone {
			t.Fatalf("a peer comes from zone %q, want %q", got, addr.Zone)
		}
		_ = c.Close()
		s.wantConns(0)
	}
}

func listenLinkLocal(t *testing.T) (net.Listener, *net.TCPAddr) {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.IsLinkLocalUnicast() && ip.IP.To4() == nil {
				ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip.IP, Zone: i.Name})
				if err == nil {
					return ln, &net.TCPAddr{IP: ip.IP, Port: ln.Addr().(*net.TCPAddr).Port, Zone: strings.Clone(i.Name)}
				}
			}
		}
	}
	t.Skip("no link-local address to listen on")
	return nil, nil
}

// Urgent data that nobody reads makes epoll report the socket for ever. Measured by the
// processor's time while nothing is to be done: a loop that spins does so in every second, the
// remains of other tests only in some.
func TestUrgentDataDoesNotMakeTheLoopSpin(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1 s, and measures an idle second")
	}
	timers := make(chan struct{}, 1)
	got := make(chan string, 10)
	s := serve(t, &handler{
		message: func(c *engine.Conn, _ frame.Opcode, payload []byte) { got <- string(payload) },
		notice:  func(c *engine.Conn, n engine.Notice) { timers <- struct{}{} },
	})
	c := dial(t, s)
	sc, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	in := masked(ws.OpText, true, "urgent")
	c.write(in[:3])
	if cerr := sc.Control(func(fd uintptr) {
		err = syscall.Sendto(int(fd), []byte(in[3:4]), syscall.MSG_OOB, nil)
	}); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
	c.write(in[4:])
	if m := wait(t, got, "the message"); m != "urgent" { // the byte is in line
		t.Fatalf("got %q", m)
	}
	if cerr := sc.Control(func(fd uintptr) {
		err = syscall.Sendto(int(fd), []byte(in[:1]), syscall.MSG_OOB, nil)
	}); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
	var used time.Duration
	for range 10 {
		s.on(0, func(l *engine.Loop) { l.Each(func(c *engine.Conn) { c.SetTimer(time.Second) }) })
		before := processorTime(t)
		wait(t, timers, "the timer")
		if used = processorTime(t) - before; used < 500*time.Millisecond {
			return
		}
	}
	t.Errorf("%v of processor time while idle for a second", used)
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Running out of descriptors must end nothing: who is in stays, who comes waits in the
// kernel's queue without being cut off, and gets in when others leave.
func TestRunningOutOfDescriptorsIsSurvived(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, _ := cmd.StdinPipe()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stdin.Close() // that is the child's sign to go
		if err := cmd.Wait(); err != nil {
			t.Errorf("the child: %v", err)
		}
	}()
	r := bufio.NewReader(stdout)
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr, err := net.ResolveTCPAddr("tcp", strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, ln: fakeListener{addr: addr}}
	const all = childFiles + 20
	clients := make([]*client, all)
	for i := range clients {
		clients[i] = raw(t, s)
		clients[i].write(request + masked(ws.OpText, true, "hello"))
	}
	clients[0].wantBytes(accepted)
	clients[0].wantText("hello")
	for range 200 {
		clients[0].echo("still here")
	}
	errorsSoFar := func() string {
		_, _ = io.WriteString(stdin, "errors?\n")
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
	// Nobody leaves before the child has felt it.
	eventually(t, func() bool { return errorsSoFar() != "0" }, func() string { return "the child has not run out" })
	// All get in, the later ones in place of those that left.
	for i, c := range clients {
		if i > 0 {
			c.wantBytes(accepted)
			c.wantText("hello")
		}
		_ = c.Close()
	}
	if n := errorsSoFar(); len(n) > 3 {
		t.Errorf("the child counts %s accept errors; want a few", n)
	}
}

// A fakeListener says that it listens at addr.
type fakeListener struct {
	net.Listener
	addr net.Addr
}

func (f fakeListener) Addr() net.Addr { return f.addr }
