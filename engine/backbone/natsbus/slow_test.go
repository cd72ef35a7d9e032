package natsbus_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

// A stubborn Sink takes nothing until it is let go.
type stubborn struct {
	*witness
	once sync.Once
	in   chan struct{} // closed when it has the first message
	on   chan struct{}
}

func (s *stubborn) Message(topic string, msg []byte) {
	s.once.Do(func() { close(s.in) })
	<-s.on
	s.witness.Message(topic, msg)
}

// What a node did not read fast enough is dropped by the client library. A log must not miss anything by it.
func TestWhoReadsTooSlowlyMissesNothingOfALog(t *testing.T) {
	first := open(t, natsbus.Config{Name: "a", Embedded: &natsbus.Embedded{Client: "127.0.0.1:0", Secret: "s3cret"}})
	newWitness(t, "a").start(first)
	b := open(t, natsbus.Config{Name: "b", External: &natsbus.External{URLs: []string{"nats://" + first.Server().Addr().String()}, Token: "s3cret"}})
	s := &stubborn{witness: newWitness(t, "b"), in: make(chan struct{}), on: make(chan struct{})}
	s.startAs(b, s)
	letGo := sync.OnceFunc(func() { close(s.on) })
	t.Cleanup(letGo) // or a test that fails could not close the bus
	keep := &backbone.Retention{Events: 100}
	const topic = "t"
	b.Attach(topic, keep)
	s.until("Attached", func() bool { return s.attached[topic] == 1 })

	if err := first.Publish(topic, []byte("stop"))(); err != nil {
		t.Fatal(err)
	}
	<-s.in
	const flood = natsbus.LaneQueue + 1000
	for i := range flood {
		if wait := first.Publish(topic, fmt.Append(nil, i)); i%1000 == 0 {
			_ = wait() // not all at once; what is refused is none the less for the log
		}
	}
	var last func() error
	for i := range 50 {
		last = first.Append(topic, keep, fmt.Append(nil, "log", i))
	}
	if err := last(); err != nil {
		t.Fatal(err)
	}
	// That it was dropped is seen before anything else can come.
	for dropped(b) == 0 {
		_ = first.Publish(topic, nil)()
	}
	letGo()
	s.until("all of the log", func() bool { return s.head[topic] == 50 && len(s.stored[topic]) == 50 })
	if err := first.Append(topic, keep, []byte("after"))(); err != nil {
		t.Fatal(err)
	}
	s.until("what comes after", func() bool { return s.head[topic] == 51 })
}

func dropped(b *natsbus.Bus) int {
	for _, d := range b.Status().Details {
		if d.Name == "read too slowly" {
			return 1
		}
	}
	return 0
}
