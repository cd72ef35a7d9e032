package natsbus

import (
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// A barrier makes sure that the other nodes' servers know of a subscription. That one's own server knows is not enough: word of it is
// still on its way to the others while they publish.
//
// It asks every node that is on the board for an answer, which says nothing but that it came: a server tells
// another of a subscription on the connection on which the question follows. Nodes that do not answer in time are not waited
// for, and not again until they have been heard of: they are dead or stopped, or about to be.
type barrier struct {
	bus *Bus
	sub *nats.Subscription

	mu   sync.Mutex
	deaf map[string]bool // incarnations that did not answer
}

const barrierPatience = 400 * time.Millisecond

func (b *Bus) syncSubject() string { return b.config.Prefix + ".sync" }

func newBarrier(b *Bus) (*barrier, error) {
	r := &barrier{bus: b, deaf: make(map[string]bool)}
	var err error
	r.sub, err = b.conn.Subscribe(b.syncSubject(), func(m *nats.Msg) {
		self := b.board.selfID()
		if self == "" {
			return
		}
		m.RespondMsg(&nats.Msg{Data: []byte(self)})
	})
	return r, err
}

// heard says that an incarnation lives.
func (r *barrier) heard(id string) {
	r.mu.Lock()
	delete(r.deaf, id)
	r.mu.Unlock()
}

// pass returns when all subscriptions made before are known wherever messages may come from.
func (r *barrier) pass() error {
	b := r.bus
	if err := b.out.flushed(5 * time.Second); err != nil {
		return err
	}
	missing := b.board.others()
	r.mu.Lock()
	for id := range r.deaf {
		if !missing[id] {
			delete(r.deaf, id) // not on the board any more
		}
		delete(missing, id)
	}
	r.mu.Unlock()
	if len(missing) == 0 {
		return nil
	}
	done := make(chan struct{})
	var mu sync.Mutex
	reply, id := b.requests.expect(barrierPatience, func(m *nats.Msg, err error) bool {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			delete(missing, strings.Clone(string(m.Data)))
			r.heard(string(m.Data))
		}
		if err != nil || len(missing) == 0 {
			close(done)
			return true
		}
		return false
	})
	if err := b.conn.PublishMsg(&nats.Msg{Subject: b.syncSubject(), Reply: reply}); err != nil {
		b.requests.drop(id)
		return err
	}
	<-done
	mu.Lock()
	defer mu.Unlock()
	if len(missing) > 0 {
		r.mu.Lock()
		maps.Copy(r.deaf, missing)
		r.mu.Unlock()
	}
	return nil
}
