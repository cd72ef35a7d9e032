package node_test

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// TestPublishersWaitWhileALoopIsBehind stops a loop and publishes until its mailbox is full.
func TestPublishersWaitWhileALoopIsBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 2.5 s: publishes until patience ends")
	}
	h := newHouse(t, node.Config{})
	a := &app.App{ID: "1"}
	c := h.enter()
	if _, err := h.Subscribe(a, c.id, "c", pusher.Public, nil); err != nil {
		t.Fatal(err)
	}
	gate := make(chan struct{})
	h.engine.Loops()[c.id.Loop()].Post(func() { <-gate })
	ev := &node.Event{Channel: "c", Name: "e", Data: []byte(`"x"`)}
	const published = 1<<15 + 1
	for range published {
		if err := h.Publish(a, ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.ClientEvent(a, 0, &node.ClientEvent{Channel: "c", Name: "client-e"}); err != pusher.ErrBusy {
		t.Errorf("ClientEvent: %v, want ErrBusy", err)
	}
	if err := h.Admit(a, slices.Values([]string{"other", "c"})); !errors.Is(err, node.ErrBusy) {
		t.Errorf("Admit: %v, want ErrBusy after its patience", err)
	}
	if err := h.Admit(a, slices.Values([]string{"other"})); err != nil {
		t.Errorf("Admit to a channel that nobody is in: %v", err)
	}
	done := make(chan error)
	go func() {
		err := h.Admit(a, slices.Values([]string{"c"}))
		// A loop that has to wait for a processor may need more than its patience once.
		for start := time.Now(); err != nil && time.Since(start) < patience; {
			err = h.Admit(a, slices.Values([]string{"c"}))
		}
		done <- err
	}()
	close(gate)
	if err := <-done; err != nil {
		t.Errorf("Admit once the loop goes on: %v", err)
	}
	if got := len(h.heard(c)); got != published+1 { // and subscription_succeeded
		t.Errorf("heard %d frames, want %d", got, published+1)
	}
}

// One app's flood is no reason to turn away another's events, on the same loop as they may be.
func TestAFloodIsItsOwnAppsFault(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 2.5 s: publishes until patience ends")
	}
	h := newHouse(t, node.Config{})
	loud, quiet := &app.App{ID: "loud"}, &app.App{ID: "quiet"}
	c := h.enter()
	for _, a := range []*app.App{loud, quiet} {
		if _, err := h.Subscribe(a, c.id, "c", pusher.Public, nil); err != nil {
			t.Fatal(err)
		}
	}
	gate := make(chan struct{})
	h.engine.Loops()[c.id.Loop()].Post(func() { <-gate })
	ev := &node.Event{Channel: "c", Name: "e", Data: []byte(`"x"`)}
	for range 1<<15 + 1 {
		if err := h.Publish(loud, ev); err != nil {
			t.Fatal(err)
		}
	}
	channel := slices.Values([]string{"c"})
	if err := h.Admit(loud, channel); !errors.Is(err, node.ErrBusy) {
		t.Errorf("the app that floods: %v, want ErrBusy", err)
	}
	for range 1000 {
		if err := h.Admit(quiet, channel); err != nil {
			t.Fatalf("another app: %v", err)
		}
		if err := h.Publish(quiet, ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.ClientEvent(quiet, 0, &node.ClientEvent{Channel: "c", Name: "client-e"}); err != nil {
		t.Errorf("a client event in another app: %v", err)
	}
	close(gate)
	if err := h.Admit(loud, channel); err != nil {
		t.Errorf("once the loop goes on: %v", err)
	}
}

// crashVariable makes the test binary break the state that connections share.
const crashVariable = "GANNET_NODE_TEST_CRASH"

// TestABrokenCountEndsTheProcess: the doors survive panics, and must not survive one that may
// have left a topic locked or a roster wrong.
func TestABrokenCountEndsTheProcess(t *testing.T) {
	if os.Getenv(crashVariable) != "" {
		h := newHouse(t, node.Config{})
		defer func() {
			_ = recover() // as a door does
			os.Exit(0)
		}()
		h.Unsubscribe(&app.App{ID: "1"}, h.enter().id, "nobody-is-here", "")
		return
	}
	command := exec.Command(os.Args[0], "-test.run", "^TestABrokenCountEndsTheProcess$")
	command.Env = append(os.Environ(), crashVariable+"=1")
	out, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "node: a conn left a channel that nobody is in") {
		t.Fatalf("the process ended with %v:\n%s", err, out)
	}
}
