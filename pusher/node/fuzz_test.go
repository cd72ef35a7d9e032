package node_test

import (
	"io"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/ledger"
)

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
	w := newTown(f, 1, func(a *app.App) {
		a.Rules = []app.Rule{{Match: "kept", History: app.History{Events: 10}, KeyedCache: true}}
	}).connected()
	h := w.houses[0]
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
	h.SinkUp("stranger")
	offset := uint64(0)
	f.Fuzz(func(t *testing.T, class byte, user string, text []byte) {
		offset++
		for _, name := range append(names, user) {
			topic := w.app.ID + "/" + name
			h.Message(topic, text)
			h.Stored(topic, backbone.Stored{Offset: offset, At: 1, Message: text})
			for _, value := range [][]byte{text, {}, nil} {
				h.SinkChanged("stranger", backbone.Entry{Key: string(class) + topic, Value: value})
				h.SinkChanged("stranger", backbone.Entry{Key: string(class) + topic + "\x00" + user, Value: value})
				h.SinkChanged("stranger", backbone.Entry{Key: string(class) + w.app.ID + "\x00" + user, Value: value})
				h.SinkChanged("stranger", backbone.Entry{Key: user, Value: value})
			}
			if got := h.Channel(w.app, name).Subscriptions; name != user && got < 1 {
				t.Fatalf("%s has %d subscriptions, and we are on it", name, got)
			}
		}
		h.Message(cluster.ControlTopic, text)
	})
}
