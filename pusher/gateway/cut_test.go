package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/backbone/membus"
	"github.com/gannet-io/gannet/frame/frametest"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// cutsVariable says for how long TestCutsLoseNothing runs, such as 5m.
const cutsVariable = "GANNET_TEST_CUTS"

// The channels of that test, one of each kind, and those of which slow clients do not get everything.
var cutChannels = []string{"news", "private-news", "presence-news", "private-encrypted-news", "cache-news", "private-cache-news", "ticker", "stream"}

// TestCutsLoseNothing has publishers run while connections are cut off at any byte, by the client, by the server for being
// slow, in the middle of a handshake, of an answer, of a replay, of a frame; and holds of everything that a client ever gets:
//
//   - each event is the one behind the position it stands at, so that none is lost, repeated or out of order, unless it was
//     told how many it was not sent, where a rule allows that;
//   - it is given everything it has missed, or told that it cannot be, and that only where history is short; there nodes that were
//     cut off for long may leave holes, which positions show;
//   - of its own events it gets the position and not the event.
//
// With several nodes each connection and each event takes any of them, and nodes are cut off from the backbone, or hang, all
// the time.
func TestCutsLoseNothing(t *testing.T) {
	last, burst := time.Second, uint64(2)
	if text := os.Getenv(cutsVariable); text != "" {
		var err error
		if last, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		burst = 7 // 5,600 a second, which leaves machines with a few processors much to catch up
	} else if testing.Short() {
		last = 500 * time.Millisecond
	}
	for what, events := range map[string]int{"long history": 1 << 20, "short history": 40} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cutFor(t, last, events, burst, 1)
		})
		t.Run(what+" of three nodes", func(t *testing.T) {
			t.Parallel()
			cutFor(t, last, events, burst, 3)
		})
	}
}

// A cutting is a run of the test.
type cutting struct {
	t        *testing.T
	servers  []*server
	app      *app.App
	complete bool // the history reaches back to the beginning
	stop     chan struct{}

	mu      sync.Mutex
	sockets []string          // guarded by mu; of clients, those now and before
	except  map[string]string // guarded by mu; "channel offset" to the socket id that was left out
	heads   map[string]uint64 // guarded by mu; the last that was published

	cuts, replayed, refused, evicted, positions, skipped atomic.Int64
}

func cutFor(t *testing.T, last time.Duration, events int, burst uint64, nodes int) {
	a := newApp(func(a *app.App) {
		kept := app.History{Events: events}
		a.Rules = []app.Rule{
			{Match: "ticker", History: kept, Slow: app.Conflate, HighWater: 8 << 10, LowWater: 2 << 10},
			{Match: "stream", History: kept, Slow: app.DropOldest, HighWater: 16 << 10, LowWater: 4 << 10},
			{Match: "*", History: kept},
		}
		a.Limits.HistoryBytes = 0
	})
	o := options{engine: engine.Config{BacklogBytes: 64 << 10, SendBuffer: 8 << 10, NotSentLowat: 8 << 10}}
	o.gateway.ReplayBytes = 8 << 10
	c := &cutting{t: t, app: a, complete: events > 1000, stop: make(chan struct{}),
		except: make(map[string]string), heads: make(map[string]uint64)}
	var publishers, clients, faults sync.WaitGroup
	if nodes == 1 {
		c.servers = []*server{newServer(t, o, a)}
	} else {
		net := membus.New()
		t.Cleanup(net.Close)
		o.clock = newClock()
		for i := range nodes {
			name := string(rune('a' + i))
			o.node.Bus = net.Node(name)
			t.Cleanup(func() {
				if err := c.servers[i].node.Leave(context.Background()); err != nil {
					t.Error(err)
				}
			})
			s := newServer(t, o, a)
			c.servers = append(c.servers, s)
			if err := s.node.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if i > 0 { // one is there for publishers
				faults.Go(func() { c.fail(net, name, rand.New(rand.NewPCG(3, uint64(i)))) })
			}
		}
	}
	for i, channel := range cutChannels {
		publishers.Go(func() { c.publish(channel, burst, rand.New(rand.NewPCG(1, uint64(i)))) })
	}
	over, ended := make(chan struct{}), make(chan struct{})
	time.AfterFunc(last, func() { close(over) })
	var cut sync.WaitGroup
	for i := range 5 {
		cut.Add(1)
		clients.Go(func() { c.live(rand.New(rand.NewPCG(2, uint64(i))), over, cut.Done, ended) })
	}
	// The last connections find everything there is: publishers end before them, and behind all others.
	cut.Wait()
	close(c.stop)
	publishers.Wait()
	faults.Wait()
	close(ended)
	clients.Wait()
	for _, s := range c.servers {
		s.until("all connections to be forgotten", func() bool { return s.engine.Conns() == 0 })
	}
	t.Logf("%d cuts, %d of them by the server; %d events in replays, %d refused to resume, %d positions in place of events, %d events skipped",
		c.cuts.Load(), c.evicted.Load(), c.replayed.Load(), c.refused.Load(), c.positions.Load(), c.skipped.Load())
	if c.complete && (c.cuts.Load() < 20 || c.replayed.Load() < 100) {
		t.Error("too little of it for the test to mean anything")
	}
}

// publish publishes the numbers from 1, which are their offsets, in events of all sizes, burst of them a hundred times a
// second.
func (c *cutting) publish(channel string, burst uint64, r *rand.Rand) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for n := uint64(1); ; n++ {
		if n%burst == 0 {
			select {
			case <-c.stop:
				return
			case <-ticker.C:
			}
		}
		size := r.IntN(300)
		if r.IntN(50) == 0 {
			size = r.IntN(9000)
		}
		ev := &node.Event{Channel: channel, Name: fmt.Sprint("n", n%4), Data: fmt.Appendf(nil, `"%d %s"`, n, strings.Repeat("x", size))}
		c.mu.Lock()
		if r.IntN(10) == 0 && len(c.sockets) > 0 {
			// Those of late are probably connected, or have just been.
			ev.Except = c.sockets[max(0, len(c.sockets)-1-r.IntN(12))]
			c.except[fmt.Sprint(channel, " ", n)] = ev.Except
		}
		c.heads[channel] = n
		c.mu.Unlock()
		err := c.any(r).node.Publish(c.app, ev)
		for errors.Is(err, node.ErrAway) {
			err = c.any(r).node.Publish(c.app, ev)
		}
		if err != nil {
			c.t.Error(err)
		}
	}
}

// A reader is a client through all its connections.
type reader struct {
	*cutting
	r        *rand.Rand
	over     chan struct{}
	s        *server           // of this connection
	place    map[string]string // by channel; "" before the first success
	id, last string            // socket ids, of now and of the connection before
	joined   map[string]bool   // on this connection
	cached   map[string]bool   // whose next event is the cached one, which everybody gets who comes
}

// any returns any of the servers.
func (c *cutting) any(r *rand.Rand) *server { return c.servers[r.IntN(len(c.servers))] }

// fail cuts a node off from the others, or has it hang, until publishing ends.
func (c *cutting) fail(net *membus.Net, name string, r *rand.Rand) {
	for {
		pause := time.Duration(r.IntN(20)) * time.Millisecond
		fault, end := net.Cut, net.Restore
		if r.IntN(2) == 0 {
			fault, end = net.Pause, net.Resume
		}
		for _, do := range []func(string){fault, end} {
			do(name)
			select {
			case <-c.stop:
				end(name)
				return
			case <-time.After(pause):
			}
		}
	}
}

// live connects, reads up to some byte, and again until the time is over, and calls done; when publishing has ended, until
// it has everything.
func (c *cutting) live(r *rand.Rand, over chan struct{}, done func(), ended chan struct{}) {
	me := &reader{cutting: c, r: r, over: over, place: make(map[string]string)}
	for cutting := true; cutting; {
		limit := int64(1) << r.IntN(16)
		limit += r.Int64N(limit)
		if err := me.connect(limit, false); err != nil {
			c.t.Error(err)
		}
		c.cuts.Add(1)
		select {
		case <-over:
			cutting = false
		default:
		}
	}
	done()
	<-ended
	if err := me.connect(1<<40, true); err != nil {
		c.t.Error(err)
	}
}

// errCut ends a connection.
var errCut = errors.New("cut")

// connect reads limit bytes of a new connection; with all until it has everything that was published. The error is what the
// client may not see.
func (m *reader) connect(limit int64, all bool) error {
	m.s = m.any(m.r)
	conn, err := net.Dial("tcp", m.s.addr)
	if err != nil {
		return err
	}
	defer func() {
		if m.r.IntN(2) == 0 {
			_ = conn.(*net.TCPConn).SetLinger(0) // a reset
		}
		_ = conn.Close()
	}()
	if !all && m.r.IntN(3) == 0 {
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	_, err = io.WriteString(conn, "GET /app/"+m.app.Keys[0].Key+"?protocol=7&resume=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	if err != nil {
		return nil // it is gone, and that is all there is to it
	}
	in := bufio.NewReader(io.LimitReader(conn, limit))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil
		}
		if line == "\r\n" {
			break
		}
	}
	m.joined, m.cached = make(map[string]bool), make(map[string]bool)
	slow, deaf := !all && m.r.IntN(4) == 0, -1
	if !all && m.r.IntN(4) == 0 {
		deaf = m.r.IntN(300) // frames until it stops reading
	}
	for n := 0; ; n++ {
		if n == deaf {
			m.stall()
		}
		if slow && m.r.IntN(3) == 0 {
			m.s.turn() // somebody else goes on
			m.s.turn()
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		f, err := frametest.Read(in)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("nothing comes any more; at %v of %v, joined %v", m.place, m.ends(), m.joined)
		}
		if err != nil {
			if all {
				return m.connect(limit, all) // cut off by the server
			}
			return nil
		}
		switch f.Header.OpCode {
		case ws.OpClose:
			m.evicted.Add(1)
		case ws.OpText:
			if err := m.frame(conn, f.Payload); err != nil && err != errCut {
				return err
			}
		}
		if all && m.complete_() {
			return nil
		}
	}
}

// stall reads nothing until the server has had enough of somebody, or the time is over: if nobody reads, perhaps nobody has
// subscribed yet, and nobody is too slow for anything.
func (m *reader) stall() {
	const evicted = `gannet_gateway_refusals_total{reason="slow_consumer"}`
	before := m.s.gauge(evicted)
	for m.s.gauge(evicted) == before {
		select {
		case <-m.over:
			return
		default:
			m.s.turn()
		}
	}
}

func (m *reader) ends() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	ends := make(map[string]uint64)
	for channel, head := range m.heads {
		ends[channel] = head
	}
	return ends
}

// complete_ reports whether m stands at the head of every channel on this connection.
func (m *reader) complete_() bool {
	for channel, head := range m.ends() {
		if !m.joined[channel] || offsetOf(m.place[channel]) != head {
			return false
		}
	}
	return len(m.joined) == len(cutChannels)
}

func offsetOf(place string) uint64 {
	n, _ := strconv.ParseUint(place[strings.LastIndexByte(place, '-')+1:], 10, 64)
	return n
}

// frame judges one frame.
func (m *reader) frame(conn net.Conn, payload []byte) error {
	var f struct {
		Event, Channel, Serial, Reason string
		Skipped                        uint64
		Data                           json.RawMessage
		Recovered                      *bool
	}
	if err := json.Unmarshal(payload, &f); err != nil {
		return fmt.Errorf("%q: %w", payload, err)
	}
	at, known := m.place[f.Channel], m.place[f.Channel] != ""
	if f.Event != "pusher_internal:subscription_succeeded" && f.Channel != "" && !m.joined[f.Channel] {
		return fmt.Errorf("%.200s before the answer to the subscription", payload)
	}
	switch event := strings.TrimRight(f.Event, "0123"); event {
	case "pusher:connection_established":
		return m.greet(conn, f.Data)
	case "pusher_internal:subscription_succeeded":
		m.joined[f.Channel] = true
		m.cached[f.Channel] = strings.Contains(f.Channel, "cache-") && (f.Recovered == nil || !*f.Recovered)
		switch {
		case f.Serial == "":
			return fmt.Errorf("%.200s without a position", payload)
		case known && f.Recovered == nil || !known && f.Recovered != nil:
			return fmt.Errorf("%.200s, having been at %q", payload, at)
		case known && *f.Recovered && f.Serial != at:
			return fmt.Errorf("%.200s moves a position from %q", payload, at)
		case known && !*f.Recovered:
			m.refused.Add(1)
			if m.complete || f.Reason != "expired" {
				return fmt.Errorf("%.200s, having been at %q", payload, at)
			}
		}
	case "pusher_internal:gannet_position":
		if f.Skipped > 0 {
			m.skipped.Add(int64(f.Skipped))
			if f.Channel != "ticker" && f.Channel != "stream" || offsetOf(f.Serial) != offsetOf(at)+f.Skipped {
				return fmt.Errorf("%.200s at %q", payload, at)
			}
			break
		}
		m.positions.Add(1)
		m.mu.Lock()
		except := m.except[fmt.Sprint(f.Channel, " ", offsetOf(f.Serial))]
		m.mu.Unlock()
		if !m.follows(f.Serial, at) || except != m.id && except != m.last {
			return fmt.Errorf("%.200s at %q for %q, while %q was left out", payload, at, m.id, except)
		}
	case "n":
		var data string
		if err := json.Unmarshal(f.Data, &data); err != nil {
			return err
		}
		number, _, _ := strings.Cut(data, " ")
		m.mu.Lock()
		except := m.except[f.Channel+" "+number]
		m.mu.Unlock()
		n, _ := strconv.ParseUint(number, 10, 64)
		if offsetOf(f.Serial) != n || !m.follows(f.Serial, at) || except == m.id && !m.cached[f.Channel] {
			return fmt.Errorf("%.200s at %q for %q, while %q was left out", payload, at, m.id, except)
		}
		m.replayed.Add(1)
		m.cached[f.Channel] = false
	default:
		return nil // cache_miss, members
	}
	m.place[f.Channel] = f.Serial
	return nil
}

// follows reports whether an event may come behind a position. A node that was cut off for longer than the history reaches goes on behind a
// hole, and what tells of that is the place of the next event.
func (m *reader) follows(place, at string) bool {
	next := offsetOf(at) + 1
	return offsetOf(place) == next || offsetOf(place) > next && !m.complete && len(m.servers) > 1
}

// greet subscribes to everything.
func (m *reader) greet(conn net.Conn, token json.RawMessage) error {
	var text string
	var data struct {
		ID string `json:"socket_id"`
	}
	if err := errors.Join(json.Unmarshal(token, &text), json.Unmarshal([]byte(text), &data)); err != nil {
		return err
	}
	m.last, m.id = m.id, data.ID
	m.mu.Lock()
	m.sockets = append(m.sockets, m.id)
	m.mu.Unlock()
	for _, i := range m.r.Perm(len(cutChannels)) {
		channel := cutChannels[i]
		fields := map[string]string{"channel": channel}
		switch {
		case strings.HasPrefix(channel, "presence-"):
			fields["channel_data"] = `{"user_id":"` + m.id + `"}`
			fields["auth"] = sign(m.app, m.id+":"+channel+":"+fields["channel_data"])
		case strings.HasPrefix(channel, "private-"):
			fields["auth"] = sign(m.app, m.id+":"+channel)
		}
		if at := m.place[channel]; at != "" {
			fields["resume"], fields["socket"] = at, m.last
		}
		text := []byte(message("pusher:subscribe", fields))
		if err := ws.WriteFrame(conn, ws.MaskFrameInPlace(ws.NewTextFrame(text))); err != nil {
			return errCut
		}
	}
	return nil
}
