package natsbus_test

import (
	"fmt"
	"testing"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

// A replica that has not caught up answers with the last batches alone. That must not pass for all that is kept, but where an epoch begins it is.
func TestTheEndOfALogIsNotTakenForAllOfIt(t *testing.T) {
	b := open(t, natsbus.Config{Name: "a", Embedded: &natsbus.Embedded{Client: "127.0.0.1:0", Secret: "s3cret"}})
	newWitness(t, "a").start(b)
	for i := range 5 {
		if err := b.Append("log", &backbone.Retention{Events: 100}, []byte(fmt.Sprint(i)))(); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Oldest("log", 0); err != nil {
		t.Errorf("the first batch: %v", err)
	}
	if err := b.Oldest("log", -2); err != natsbus.ErrBehind {
		t.Errorf("the last but one: %v, want ErrBehind", err)
	}
	if err := b.Renew("log"); err != nil {
		t.Fatal(err)
	}
	if err := b.Oldest("log", -1); err != nil {
		t.Errorf("the first of a new epoch: %v", err)
	}
}
