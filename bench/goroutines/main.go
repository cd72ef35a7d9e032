// Command goroutines is the server that one writes first in Go: net/http, gorilla/websocket, a
// goroutine that reads and a goroutine that writes for each connection, and a hub that puts each
// message into the queue of each subscriber. It speaks just enough of the Pusher protocol for
// the load generator: connect, subscribe, ping, client events.
//
// It is a yardstick of the benchmarks, not a server: no signature, limit or history. A message is
// encoded once for all of its subscribers. A client whose queue is full is closed, as in
// gorilla's own example of a chat.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/wire"
)

const (
	// queued is how many messages may wait for a client. The benchmarks keep up to 512 under way.
	queued = 512

	writeTimeout = 10 * time.Second
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, *listen)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("goroutines: listening on %s\n", ln.Addr())
	s := &http.Server{Handler: newHub(), ReadHeaderTimeout: writeTimeout}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	select {
	case err = <-served:
		return err
	case <-ctx.Done():
	}
	// Upgraded connections are not the server's any more; they end with the process.
	if err = s.Close(); errors.Is(<-served, http.ErrServerClosed) {
		return err
	}
	return errors.New("the server ended by itself")
}

// A hub knows who is subscribed to what.
type hub struct {
	upgrader websocket.Upgrader
	last     atomic.Uint64 // socket id given out

	mu     sync.RWMutex
	topics map[string]map[*client]struct{}
}

func newHub() *hub {
	return &hub{
		// The sizes of gorilla's chat.
		upgrader: websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024, CheckOrigin: func(*http.Request) bool { return true }},
		topics:   make(map[string]map[*client]struct{}),
	}
}

// A client is one connection. What it is subscribed to is the reader's; out is closed by nobody,
// because any goroutine may send to it: done ends the writer.
type client struct {
	conn     *websocket.Conn
	out      chan *websocket.PreparedMessage
	done     chan struct{}
	end      func() // ends both goroutines, once
	channels []string
}

// ServeHTTP is a connection's whole life, and its reading goroutine.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // answered
	}
	c := &client{conn: conn, out: make(chan *websocket.PreparedMessage, queued), done: make(chan struct{})}
	c.end = sync.OnceFunc(func() {
		close(c.done)
		_ = conn.Close() // both goroutines may be waiting for it
	})
	go c.write()
	c.send(prepare(wire.AppendConnectionEstablished(nil, strconv.FormatUint(h.last.Add(1), 10)+".1", 120)))
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			break
		}
		if kind == websocket.TextMessage {
			h.handle(c, message)
		}
	}
	h.leave(c)
	c.end()
}

// write is the writing goroutine.
func (c *client) write() {
	defer c.end()
	for {
		select {
		case m := <-c.out:
			if c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil || c.conn.WritePreparedMessage(m) != nil {
				return
			}
		case <-c.done:
			return
		}
	}
}

func (c *client) send(m *websocket.PreparedMessage) {
	select {
	case c.out <- m:
	default:
		c.end()
	}
}

func prepare(message []byte) *websocket.PreparedMessage {
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, message)
	if err != nil {
		panic(err) // a text is always prepared
	}
	return m
}

func (h *hub) handle(c *client, message []byte) {
	f, err := wire.ParseFrame(message, pusher.DefaultJSONDepth)
	if err != nil {
		return
	}
	switch {
	case f.Event == "pusher:subscribe":
		if r, err := wire.ParseSubscribe(f.Data); err == nil {
			h.join(c, r.Channel)
			c.send(prepare(wire.AppendSubscriptionSucceeded(nil, r.Channel)))
		}
	case f.Event == "pusher:ping":
		c.send(prepare(wire.AppendPong(nil)))
	case pusher.ClientEvent(f.Event):
		h.publish(f.Channel, c, prepare(wire.AppendClientEvent(nil, f.Event, f.Channel, f.Data, false, "")))
	}
}

// publish gives a message to all subscribers but the one that it is from.
func (h *hub) publish(channel string, from *client, m *websocket.PreparedMessage) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for c := range h.topics[channel] {
		if c != from {
			c.send(m)
		}
	}
}

func (h *hub) join(c *client, channel string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[channel]
	if t == nil {
		t = make(map[*client]struct{})
		h.topics[channel] = t
	}
	t[c] = struct{}{}
	c.channels = append(c.channels, channel)
}

func (h *hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, channel := range c.channels {
		delete(h.topics[channel], c)
		if len(h.topics[channel]) == 0 {
			delete(h.topics, channel)
		}
	}
}
