package redisbus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/rueidis"
)

// subscribeAtOnce is how many channels one command subscribes to.
const subscribeAtOnce = 500

var errMoved = errors.New("another server took over")

// A subscription is a connection on which messages come: of one partition in a cluster, else of all.
type subscription struct {
	bus       *Bus
	partition int // -1: all
	wake      chan struct{}

	mu     sync.Mutex
	wanted map[string]*attachment // by topic
	dirty  map[string]struct{}    // topics whose wish has changed

	leaving sync.Map      // channels that unsubscribe is under way for
	ended   chan struct{} // the connection is to be opened anew; has room for one
}

func newSubscription(b *Bus, partition int) *subscription {
	return &subscription{bus: b, partition: partition, wake: make(chan struct{}, 1),
		wanted: make(map[string]*attachment), dirty: make(map[string]struct{}), ended: make(chan struct{}, 1)}
}

// want says what is wished for a topic; nil: nothing. Any goroutine.
func (s *subscription) want(topic string, a *attachment) {
	s.mu.Lock()
	if a == nil {
		delete(s.wanted, topic)
	} else {
		s.wanted[topic] = a
	}
	s.dirty[topic] = struct{}{}
	s.mu.Unlock()
	poke(s.wake)
}

func (s *subscription) name() string {
	if s.partition < 0 {
		return "messages"
	}
	return fmt.Sprint("messages ", s.partition)
}

// renew has the connection opened anew. Any goroutine.
func (s *subscription) renew() { poke(s.ended) }

// run keeps the connection.
func (s *subscription) run(ctx context.Context) {
	b := s.bus
	var p pause
	for first := true; ctx.Err() == nil; first = false {
		err := s.serve(ctx, func() {
			p = 0
			b.health.report(s.name(), "")
			if !first {
				b.reconnects.Add(1)
			}
		})
		for _, l := range b.lanes {
			l.push(item{kind: lost, subscription: s})
		}
		if ctx.Err() != nil {
			return
		}
		if p > 0 && err != nil { // not the first attempt
			b.health.report(s.name(), reason(err))
		}
		b.config.Log.Debug("a connection for messages was lost", "reason", reason(err))
		b.lease.look()
		p.next(ctx.Done())
	}
}

// serve opens a connection, subscribes to all that is wanted, and goes on with what changes until the connection is lost. whole is called when all is subscribed to.
func (s *subscription) serve(ctx context.Context, whole func()) (err error) {
	b := s.bus
	client, _ := b.conn.reads.Dedicate()
	partition := s.partition
	gone := client.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) { b.receive(m.Channel, m.Message) },
		OnSubscription: func(e rueidis.PubSubSubscription) {
			if e.Kind == "unsubscribe" || e.Kind == "sunsubscribe" {
				if _, ok := s.leaving.LoadAndDelete(e.Channel); !ok {
					s.renew()
				}
			}
		},
	})
	defer func() {
		client.Close()
		for why := range gone { // until the hooks are called no more
			if errors.Is(err, rueidis.ErrRESP2PubSubMixed) {
				err = why // there was no connection at all
			}
		}
		s.leaving.Clear()
		select {
		case <-s.ended:
		default:
		}
	}()
	if err := s.subscribe(ctx, client, []string{b.keys.hello(max(partition, 0))}); err != nil {
		return err
	}
	s.mu.Lock()
	for topic := range s.wanted {
		s.dirty[topic] = struct{}{}
	}
	s.mu.Unlock()
	have := make(map[string]struct{})
	for {
		n, err := s.adjust(ctx, client, have)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if whole != nil {
			whole()
			whole = nil
		}
		select {
		case <-s.wake:
		case err := <-gone:
			if err == nil {
				err = errors.New("the connection for messages was lost")
			}
			return err
		case <-s.ended:
			return errMoved
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// adjust makes the server's view that of the wishes, a part at a time, and returns how many there were.
func (s *subscription) adjust(ctx context.Context, client rueidis.DedicatedClient, have map[string]struct{}) (n int, err error) {
	b := s.bus
	var come, go_ []string
	var done []*attachment
	s.mu.Lock()
	for topic := range s.dirty {
		if n == subscribeAtOnce {
			break
		}
		n++
		delete(s.dirty, topic)
		a := s.wanted[topic]
		if a != nil {
			done = append(done, a)
		}
		if _, has := have[topic]; a != nil && !has {
			have[topic] = struct{}{}
			come = append(come, b.keys.messages(topic))
		} else if a == nil && has {
			delete(have, topic)
			go_ = append(go_, b.keys.messages(topic))
		}
	}
	s.mu.Unlock()
	if len(go_) > 0 {
		if err := s.unsubscribe(ctx, client, go_); err != nil {
			return n, err
		}
	}
	if len(come) > 0 {
		if err := s.subscribe(ctx, client, come); err != nil {
			return n, err
		}
	}
	for _, a := range done {
		b.lane(a.topic).push(item{kind: subscribed, attachment: a})
	}
	return n, nil
}

// subscribe returns when the server has confirmed all: it answers what comes behind.
func (s *subscription) subscribe(ctx context.Context, client rueidis.DedicatedClient, channels []string) error {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	subscribe := client.B().Subscribe().Channel(channels...).Build
	if s.partition >= 0 {
		subscribe = client.B().Ssubscribe().Channel(channels...).Build
	}
	for _, r := range client.DoMulti(ctx, subscribe(), client.B().Ping().Build()) {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

func (s *subscription) unsubscribe(ctx context.Context, client rueidis.DedicatedClient, channels []string) error {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	for _, c := range channels {
		s.leaving.Store(c, nil)
	}
	if s.partition >= 0 {
		return client.Do(ctx, client.B().Sunsubscribe().Channel(channels...).Build()).Error()
	}
	return client.Do(ctx, client.B().Unsubscribe().Channel(channels...).Build()).Error()
}
