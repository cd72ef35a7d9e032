package engine_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// RFC 6455 §7.1.7 fails the connection with the code that the section of the rule names;
// the reason is the metric label. What follows the bad frame must not be read.
func TestEveryProtocolErrorEndsWithItsCodeAndReason(t *testing.T) {
	transports(t, testEveryProtocolErrorEndsWithItsCodeAndReason)
}

func testEveryProtocolErrorEndsWithItsCodeAndReason(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.Message = frame.Limits{MessageBytes: 100, Fragments: 3} })
	for _, tt := range []struct {
		reason string
		code   uint16
		input  string
	}{
		{"unmasked_frame", 1002, "\x81\x02hi"},
		{"reserved_bits", 1002, "\xc1" + masked(ws.OpText, true, "hi")[1:]},
		{"reserved_opcode", 1002, "\x83" + masked(ws.OpText, true, "hi")[1:]},
		{"fragmented_control", 1002, "\x09" + masked(ws.OpPing, true, "hi")[1:]},
		{"control_too_long", 1002, masked(ws.OpPing, true, strings.Repeat("x", 126))},
		{"unexpected_continuation", 1002, masked(ws.OpContinuation, true, "hi")},
		{"expected_continuation", 1002, masked(ws.OpText, false, "h") + masked(ws.OpText, true, "i")},
		{"message_too_big", 1009, masked(ws.OpBinary, true, strings.Repeat("x", 101))},
		{"message_too_big", 1009, masked(ws.OpBinary, false, strings.Repeat("x", 60)) + masked(ws.OpContinuation, true, strings.Repeat("x", 60))},
		{"too_many_fragments", 1008, masked(ws.OpText, false, "") + strings.Repeat(masked(ws.OpContinuation, false, ""), 3)},
		{"invalid_utf8", 1007, masked(ws.OpText, true, "\xff")},
		{"invalid_close_code", 1002, closing(1005, "")},
		{"close_truncated", 1002, masked(ws.OpClose, true, "\x03")},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			c := dial(t, s)
			c.write(tt.input + masked(ws.OpText, true, "more") + strings.Repeat("garbage", 1000))
			f, err := c.frame()
			if err != nil || f.Header.OpCode != ws.OpClose || len(f.Payload) < 2 {
				t.Fatalf("got %v, %v; want a close frame", f, err)
			}
			code, reason := uint16(f.Payload[0])<<8|uint16(f.Payload[1]), string(f.Payload[2:])
			if code != tt.code || reason != tt.reason {
				t.Errorf("got %d %q, want %d %q", code, reason, tt.code, tt.reason)
			}
			if got := s.metric(`gannet_engine_closes_total{reason="` + reason + `"}`); got == "" || got == "0" {
				t.Errorf("closes of reason %q are %s", reason, got)
			}
			c.wantEnd()
		})
	}
	s.wantConns(0)
	if n := s.OpenWebSockets(); n != 0 {
		t.Errorf("%d WebSockets are counted open", n)
	}
}

func TestTheCloseFrameOfThePeerIsAnswered(t *testing.T) {
	transports(t, testTheCloseFrameOfThePeerIsAnswered)
}

func testTheCloseFrameOfThePeerIsAnswered(t *testing.T) {
	closed := make(chan bool, 10)
	s := serve(t, &handler{closed: func(c *engine.Conn) { closed <- c.Open() }})
	for _, tt := range []struct {
		input string
		code  uint16
	}{
		{closing(1000, "bye"), 1000},
		{closing(4999, ""), 4999},
		{masked(ws.OpClose, true, ""), 0},
		{closing(1001, "") + closing(1002, "") + "garbage", 1001}, // what follows does not count
	} {
		c := dial(t, s)
		c.write(masked(ws.OpText, true, "last") + tt.input)
		c.wantText("last")
		c.wantClose(tt.code, "")
		c.wantEnd()
		if wait(t, closed, "Closed") {
			t.Error("Open says true in Closed")
		}
		_ = c.Close()
	}
	s.wantConns(0)
	s.wantMetrics(map[string]string{`gannet_engine_closes_total{reason="peer"}`: "4"})
}

func TestTheServerAwaitsThePeersCloseFrame(t *testing.T) {
	transports(t, testTheServerAwaitsThePeersCloseFrame)
}

func testTheServerAwaitsThePeersCloseFrame(t *testing.T) {
	heard := make(chan string, 10)
	s := serve(t, &handler{
		message: func(c *engine.Conn, _ frame.Opcode, payload []byte) {
			heard <- string(payload)
			c.Close(4100, "go away", text("because"))
			c.Close(4101, "again")
		},
		closed: func(c *engine.Conn) { heard <- "closed" },
	})
	c := dial(t, s)
	c.write(masked(ws.OpText, true, "first") + masked(ws.OpText, true, "second"))
	c.wantText("because")
	c.wantClose(4100, "go away")
	if a, b := wait(t, heard, "the message"), wait(t, heard, "Closed"); a != "first" || b != "closed" {
		t.Fatalf("heard %q, %q", a, b)
	}
	c.write(masked(ws.OpText, true, "third") + masked(ws.OpPing, true, "no pong")) // thrown away
	c.write(closing(4100, ""))
	c.wantEnd()
	_ = c.Close()
	s.wantConns(0)
	select {
	case m := <-heard:
		t.Errorf("heard %q after Closed", m)
	default:
	}
}

// A peer that does not answer the close frame is waited for no longer than CloseWait.
func TestASilentPeerIsNotWaitedForForEver(t *testing.T) {
	transports(t, testASilentPeerIsNotWaitedForForEver)
}

func testASilentPeerIsNotWaitedForForEver(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1.5 s: the close wait and the linger run out")
	}
	s := serve(t, &handler{open: func(c *engine.Conn) { c.Close(1001, "") }},
		func(c *engine.Config) { c.CloseWait = 200 * time.Millisecond })
	c := dial(t, s)
	c.wantClose(1001, "")
	c.wantEnd() // FIN after CloseWait, though we have said nothing
	s.wantConns(0)
}

// Input unread in the socket when the server closes makes the kernel send an RST, which can
// take the close frame with it: the server must read on.
func TestTheCloseFrameArrivesThoughInputIsUnread(t *testing.T) {
	transports(t, testTheCloseFrameArrivesThoughInputIsUnread)
}

func testTheCloseFrameArrivesThoughInputIsUnread(t *testing.T) {
	s := serve(t, &handler{message: func(c *engine.Conn, _ frame.Opcode, _ []byte) { c.Close(4001, "enough") }},
		func(c *engine.Config) { c.CloseWait = 100 * time.Millisecond })
	for range 20 {
		c := dial(t, s)
		done := make(chan struct{})
		go func() {
			defer close(done)
			// Far more than the server reads at once; it may hang up in between.
			_, _ = io.WriteString(c.Conn, strings.Repeat(masked(ws.OpBinary, true, strings.Repeat("x", 1000)), 2000))
		}()
		c.wantClose(4001, "enough")
		_ = c.Close()
		<-done
	}
	s.wantConns(0)
}

// The same on a protocol error, where the rest cannot even be parsed.
func TestTheCloseFrameArrivesInFrontOfGarbage(t *testing.T) {
	transports(t, testTheCloseFrameArrivesInFrontOfGarbage)
}

func testTheCloseFrameArrivesInFrontOfGarbage(t *testing.T) {
	s := serve(t, &handler{})
	for range 20 {
		c := dial(t, s)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.WriteString(c.Conn, strings.Repeat("\x81\x01x", 500_000))
		}()
		c.wantClose(1002, "unmasked_frame")
		_ = c.Close()
		<-done
	}
	s.wantConns(0)
}

func TestAPeerMayVanishInEveryState(t *testing.T) { transports(t, testAPeerMayVanishInEveryState) }

func testAPeerMayVanishInEveryState(t *testing.T) {
	opened := make(chan *engine.Conn, 1)
	closed := make(chan struct{}, 1)
	s := serve(t, &handler{
		open: func(c *engine.Conn) { opened <- c },
		message: func(c *engine.Conn, _ frame.Opcode, payload []byte) {
			if string(payload) == "close" {
				c.Close(1000, "")
			}
		},
		closed: func(*engine.Conn) { closed <- struct{}{} },
	})
	leave := map[string]func(c *client){
		"RST": func(c *client) { c.reset() },
		"FIN": func(c *client) { c.closeWrite(); c.wantGone(); _ = c.Close() },
	}
	for how, f := range leave {
		for _, head := range []string{"", request[:30]} {
			c := raw(t, s)
			c.write(head)
			s.wantConns(1)
			f(c)
			s.wantConns(0)
		}
		for what, input := range map[string]string{
			"idle":        "",
			"mid-header":  "\x81",
			"mid-frame":   masked(ws.OpText, true, "hello")[:8],
			"mid-message": masked(ws.OpText, false, "hello"),
			"closing":     masked(ws.OpText, true, "close"),
			"closed":      closing(1000, ""),
		} {
			c := dial(t, s)
			c.write(input)
			wait(t, opened, "Open")
			f(c)
			wait(t, closed, "Closed "+what+" by "+how)
			s.wantConns(0)
		}
	}
	if n := s.OpenWebSockets(); n != 0 {
		t.Errorf("%d WebSockets are counted open", n)
	}
	s.on(0, func(l *engine.Loop) {
		if got := l.Leftovers(); got != "" {
			t.Error(got)
		}
	})
}

// A FIN right behind a request must not eat the answers to it.
func TestAnswersToWhatCameBeforeAFINArrive(t *testing.T) {
	transports(t, testAnswersToWhatCameBeforeAFINArrive)
}

func testAnswersToWhatCameBeforeAFINArrive(t *testing.T) {
	s := serve(t, &handler{})
	c := dial(t, s)
	c.write(masked(ws.OpText, true, "one") + masked(ws.OpText, true, "two"))
	c.closeWrite()
	c.wantText("one")
	c.wantText("two")
	c.wantGone()
	s.wantConns(0)
}

func TestIDsGoStaleWhenSlotsAreReused(t *testing.T) { transports(t, testIDsGoStaleWhenSlotsAreReused) }

func testIDsGoStaleWhenSlotsAreReused(t *testing.T) {
	ids := make(chan engine.ID, 1)
	s := serve(t, &handler{open: func(c *engine.Conn) { ids <- c.ID() }})
	seen := make(map[engine.ID]bool)
	var slot uint32
	for i := range 20 {
		c := dial(t, s)
		id := wait(t, ids, "Open")
		if id == 0 || seen[id] || i > 0 && id.Slot() != slot || id.Loop() != 0 || id >= 1<<52 {
			t.Fatalf("conn %d got ID %#x, its slot before was %d", i, id, slot)
		}
		slot = id.Slot()
		s.on(0, func(l *engine.Loop) {
			if found := l.Find(id); found == nil || found.ID() != id {
				t.Errorf("Find(%#x) = %v", id, found)
			}
			for old := range seen {
				if l.Find(old) != nil {
					t.Errorf("the stale ID %#x finds a conn", old)
				}
			}
			if l.Find(0) != nil || l.Find(id|1<<44) != nil {
				t.Error("an ID that names nothing finds a conn")
			}
		})
		seen[id] = true
		c.reset()
		s.wantConns(0)
	}
}

func TestUnixSocketsAndInheritedListenersWork(t *testing.T) {
	unix, err := net.Listen("unix", t.TempDir()+"/gannet.sock")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := tcp.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	inherited, err := net.FileListener(f)
	_ = f.Close()
	_ = tcp.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, ln := range []net.Listener{unix, inherited} {
		s := serveOn(t, ln, &handler{})
		c := dial(t, s)
		c.echo("hello")
		c.write(closing(1000, ""))
		c.wantClose(1000, "")
		c.wantEnd()
		_ = c.Close()
		s.wantConns(0)
	}
}
