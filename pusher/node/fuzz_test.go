package node_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/ledger"
)

// A turnstile has what a bus tells and what a test tells in its place come one after the other, as a Sink may rely on.
type turnstile struct {
	backbone.Bus
	mu   sync.Mutex
	sink backbone.Sink
}

func (s *turnstile) Start(ctx context.Context, sink backbone.Sink) error {
	s.sink = sink
	return s.Bus.Start(ctx, inLine{s})
}

// tell calls f when nobody else is telling.
func (s *turnstile) tell(f func(backbone.Sink)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.sink)
}

type inLine struct{ *turnstile }

func (l inLine) Message(topic string, msg []byte) {
	l.tell(func(s backbone.Sink) { s.Message(topic, msg) })
}

func (l inLine) Attached(topic string, t backbone.Tail) {
	l.tell(func(s backbone.Sink) { s.Attached(topic, t) })
}

func (l inLine) Stored(topic string, e backbone.Stored) {
	l.tell(func(s backbone.Sink) { s.Stored(topic, e) })
}

func (l inLine) Changed(id string, e backbone.Entry) {
	l.tell(func(s backbone.Sink) { s.Changed(id, e) })
}

func (l inLine) At(p backbone.Place)       { l.tell(func(s backbone.Sink) { s.At(p) }) }
func (l inLine) Up(n backbone.Node)        { l.tell(func(s backbone.Sink) { s.Up(n) }) }
func (l inLine) Gone(id string)            { l.tell(func(s backbone.Sink) { s.Gone(id) }) }
func (l inLine) Rejoin(n backbone.Node)    { l.tell(func(s backbone.Sink) { s.Rejoin(n) }) }
func (l inLine) State(up bool, why string) { l.tell(func(s backbone.Sink) { s.State(up, why) }) }

// A node ends when what its connections share can no longer be trusted, so whatever another node says, of any version or broken, it must
// take without a panic, or one would end all.
func FuzzWhatOtherNodesSayIsHarmless(f *testing.F) {
	event := cluster.Envelope{Kind: cluster.KindEvent, Except: []byte("1.2"), Event: []byte("e"), ID: []byte("i"), Body: []byte(`"1"`), Time: 1}
	end := cluster.Envelope{Kind: cluster.KindTerminate, App: []byte("1"), User: []byte("u")}
	f.Add(byte(ledger.Count), "", event.Append(nil))
	f.Add(byte(ledger.Count), "", []byte{1})
	f.Add(byte(ledger.Count), "", []byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add(byte(ledger.Member), "u", []byte(`{"name":"x"}`))
	f.Add(byte(ledger.Member), "u\x00v", []byte("{"))
	f.Add(byte(ledger.User), "u", []byte{})
	f.Add(byte(ledger.Process), "", []byte("\x00again\x00\x00"))
	f.Add(byte('?'), "/", end.Append(nil))

	names := []string{"plain", "kept", "cache-x", "presence-x", "private-encrypted-x", "presence-cache-x"}
	w := newTown(f, 0, func(a *app.App) {
		a.Rules = []app.Rule{{Match: "kept", History: app.History{Events: 10}, KeyedCache: true}}
	})
	bus := &turnstile{Bus: w.net.Node("self")}
	h := w.buildOn(bus)
	w.connected()
	c := h.enter()
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, c.conn) // until the engine stops
	}()
	f.Cleanup(func() {
		_ = c.conn.Close()
		<-read
	})
	for _, name := range names {
		user := ""
		if strings.HasPrefix(name, "presence-") {
			user = "me"
		}
		w.subscribe(h, c.id, name, user)
	}
	w.quiet()
	bus.tell(func(s backbone.Sink) { s.Up(backbone.Node{ID: "stranger"}) })
	offset := uint64(0)
	f.Fuzz(func(t *testing.T, class byte, user string, text []byte) {
		offset++
		for _, name := range append(names, user) {
			topic := w.app.ID + "/" + name
			bus.tell(func(s backbone.Sink) {
				s.Message(topic, text)
				s.Stored(topic, backbone.Stored{Offset: offset, At: 1, Message: text})
				for _, value := range [][]byte{text, {}, nil} {
					s.Changed("stranger", backbone.Entry{Key: string(class) + topic, Value: value})
					s.Changed("stranger", backbone.Entry{Key: string(class) + topic + "\x00" + user, Value: value})
					s.Changed("stranger", backbone.Entry{Key: string(class) + w.app.ID + "\x00" + user, Value: value})
					s.Changed("stranger", backbone.Entry{Key: user, Value: value})
				}
			})
			if got := h.Channel(w.app, name).Subscriptions; name != user && got < 1 {
				t.Fatalf("%s has %d subscriptions, and we are on it", name, got)
			}
		}
		bus.tell(func(s backbone.Sink) { s.Message(cluster.ControlTopic, text) })
	})
}
