//go:build linux

package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/app/appstatic"
	"github.com/gannet-io/gannet/pusher/gateway"
	"github.com/gannet-io/gannet/pusher/node"
)

// patience is how long a test waits for what must come; it is only ever used up by a failure.
const patience = 60 * time.Second

// A house is the whole path from node to sockets, with one loop. Its clients live in processes of
// their own, so that nothing of theirs is counted.
type house struct {
	t    testing.TB
	app  *app.App
	eng  *engine.Engine
	node *node.Node
	addr string

	sends, frames *metrics.Counter
}

func newHouse(t testing.TB) *house { return newHouseOn(t, nil) }

// newHouseOn returns one that is a node of a cluster, yet to be started, unless bus is nil. Its
// channels that begin with kept- have history.
func newHouseOn(t testing.TB, bus backbone.Bus) *house {
	t.Helper()
	a := &app.App{ID: "app-id", Keys: []app.Key{{Key: "app-key", Secret: "app-secret"}}, Enabled: true, Limits: app.DefaultLimits()}
	if bus != nil {
		a.Rules = []app.Rule{{Match: "kept-*", History: app.History{Events: 1000}}}
	}
	apps, err := appstatic.New([]*app.App{a})
	if err != nil {
		t.Fatal(err)
	}
	set, log := metrics.NewSet(), slog.New(slog.NewTextHandler(io.Discard, nil))
	start := time.Now()
	h := hub.New(set, func() int64 { return int64(time.Since(start)) })
	s := &house{t: t, app: a, node: node.New(node.Config{Hub: h, Metrics: set, Bus: bus, Apps: apps})}
	door := gateway.New(gateway.Config{Node: s.node, Hub: h, Apps: apps, Log: log, Metrics: set})
	s.eng, err = engine.New(engine.Config{
		Handler: door, Loops: 1, Log: log, Metrics: set,
		PingInterval: time.Hour, BacklogAge: -1, // nothing but what the test sends
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Bind(s.eng.Loops())
	door.Bind(s.eng.Loops())
	s.node.Bind(door)
	s.sends = set.GetOrCreateCounter("gannet_engine_sends_total")
	s.frames = set.GetOrCreateCounter("gannet_engine_frames_out_total")

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.eng.Serve(ln) }()
	t.Cleanup(func() {
		if err := s.eng.Stop(); err != nil {
			t.Errorf("stop the engine: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		s.node.Close()
	})
	return s
}

// enter brings clients clients, each on the first each of channels channels after its own
// number, and returns when all are subscribed. They read what comes until the test ends.
func (s *house) enter(clients, channels, each int) {
	s.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d %d", crowdVariable, s.addr, clients, channels, each))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = in.Close() // the end of its input is the end of it
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("the clients: %v", err)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		s.t.Fatalf("the clients: %q, %v", line, err)
	}
	s.settled()
}

// on runs f on the loop and waits for it.
func (s *house) on(f func()) {
	s.t.Helper()
	done := make(chan struct{})
	if !s.eng.Loops()[0].Post(func() { f(); close(done) }) {
		s.t.Fatal("the engine has stopped")
	}
	<-done
}

// settled waits until the loop has sent and counted what it was given: that is at the end of a
// turn, and a turn that does not finish is followed by another.
func (s *house) settled() {
	for range 3 {
		s.on(func() {})
	}
}

func (s *house) publish(channel string) {
	data := []byte(`"` + strings.Repeat("x", 100) + `"`)
	if err := s.node.Publish(s.app, &node.Event{Channel: channel, Name: "tick", Data: data}); err != nil {
		s.t.Error(err)
	}
}

// awaitFrames waits until n frames have gone out in all.
func (s *house) awaitFrames(n uint64) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); s.frames.Get() < n; runtime.Gosched() {
		if time.Now().After(deadline) {
			s.t.Fatalf("%d frames were sent, want %d", s.frames.Get(), n)
		}
	}
}

// liveHeap returns the bytes in use after a collection; the second takes what pools held.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// crowdVariable makes the test binary a crowd of clients instead of running tests.
const crowdVariable = "GANNET_BENCH_TEST_CROWD"

func TestMain(m *testing.M) {
	if what := os.Getenv(crowdVariable); what != "" {
		if err := crowd(strings.Fields(what)); err != nil {
			fmt.Fprintln(os.Stderr, "crowd:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crowd connects and subscribes clients, says so, and reads until the end of its input.
func crowd(what []string) error {
	addr := what[0]
	var numbers [3]int
	for i := range numbers {
		n, err := strconv.Atoi(what[i+1])
		if err != nil {
			return err
		}
		numbers[i] = n
	}
	clients, channels, each := numbers[0], numbers[1], numbers[2]
	for i := range clients {
		conn, in, err := enter(addr)
		if err != nil {
			return fmt.Errorf("client %d: %w", i, err)
		}
		for k := range each {
			if err := subscribe(conn, in, channelName((i+k)%channels)); err != nil {
				return fmt.Errorf("client %d: %w", i, err)
			}
		}
		go func() { _, _ = io.Copy(io.Discard, in) }() // until either side ends
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func channelName(n int) string { return fmt.Sprintf("ticker-%03d", n) }

// enter connects and reads the greeting.
func enter(addr string) (net.Conn, io.Reader, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, early, _, err := ws.Dial(ctx, "ws://"+addr+"/app/app-key?protocol=7")
	if err != nil {
		return nil, nil, err
	}
	var in io.Reader = conn
	if early != nil { // the greeting came with the handshake
		in = io.MultiReader(io.LimitReader(early, int64(early.Buffered())), conn)
	}
	return conn, in, await(in, "pusher:connection_established")
}

func subscribe(conn net.Conn, in io.Reader, channel string) error {
	if err := wsutil.WriteClientText(conn, []byte(`{"event":"pusher:subscribe","data":{"channel":"`+channel+`"}}`)); err != nil {
		return err
	}
	return await(in, "pusher_internal:subscription_succeeded")
}

func await(in io.Reader, event string) error {
	header, err := ws.ReadHeader(in)
	if err != nil {
		return err
	}
	payload := make([]byte, header.Length)
	if _, err := io.ReadFull(in, payload); err != nil {
		return err
	}
	if !strings.Contains(string(payload), event) {
		return fmt.Errorf("got %s, want %s", payload, event)
	}
	return nil
}
