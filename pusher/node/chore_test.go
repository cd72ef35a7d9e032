package node_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannet-io/gannet/pusher/node"
)

// A diary is written by chores and read by the test: that one waits for the other in a bubble
// is not known to the race detector.
type diary struct {
	mu  sync.Mutex
	ran []string // guarded by mu
}

func (d *diary) note(what string) func() {
	return func() {
		d.mu.Lock()
		d.ran = append(d.ran, what)
		d.mu.Unlock()
	}
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.ran, want) {
		t.Fatalf("ran %q, want %q", d.ran, want)
	}
}

func TestChoresRunWhenTheyAreDueAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c node.Chores
		c.Start(time.Now)
		defer c.Stop()
		start := time.Now()
		var d diary
		var want []string
		const n = 200
		for _, i := range rand.Perm(n) {
			due := time.Duration(i+1) * time.Second
			c.Later(due.String(), start.Add(due), func() {
				if late := time.Since(start) - due; late != 0 {
					t.Errorf("the chore of %v is %v late", due, late)
				}
				d.note(due.String())()
			})
		}
		for i := range n {
			want = append(want, (time.Duration(i+1) * time.Second).String())
		}
		time.Sleep(n * time.Second) // of the bubble's own time
		d.expect(t, want...)
	})
}

func TestChoreIsNotedOnceUntilItHasRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c node.Chores
		c.Start(time.Now)
		defer c.Stop()
		var d diary
		c.Later("x", time.Now().Add(time.Second), func() {
			d.note("first")()
			// While it runs it may ask for itself again.
			c.Later("x", time.Now().Add(time.Minute), d.note("second"))
			c.Later("x", time.Now(), d.note("never"))
		})
		c.Later("x", time.Now(), d.note("never")) // changes nothing, and does not make it earlier
		c.Later("x", time.Now().Add(time.Hour), d.note("never"))
		time.Sleep(time.Second - 1)
		d.expect(t)
		time.Sleep(time.Nanosecond)
		d.expect(t, "first")
		time.Sleep(time.Minute - 1)
		d.expect(t, "first")
		time.Sleep(time.Nanosecond)
		d.expect(t, "first", "second")
		time.Sleep(2 * time.Hour)
		d.expect(t, "first", "second")
		c.Later("x", time.Now(), d.note("third"))
		d.expect(t, "first", "second", "third")
	})
}

// An earlier chore wakes the one who sleeps until a later one.
func TestEarlierChoreComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c node.Chores
		c.Start(time.Now)
		defer c.Stop()
		var d diary
		c.Later("late", time.Now().Add(2*time.Hour), d.note("late"))
		d.expect(t)
		c.Later("early", time.Now().Add(time.Second), d.note("early"))
		c.Later("past", time.Now().Add(-time.Hour), d.note("past"))
		d.expect(t, "past")
		time.Sleep(time.Second)
		d.expect(t, "past", "early")
		time.Sleep(3 * time.Hour)
		d.expect(t, "past", "early", "late")
	})
}

func TestStoppedChoresDropWhatIsNotDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c node.Chores
		c.Start(time.Now)
		c.Later("x", time.Now().Add(time.Second), func() { t.Error("ran") })
		c.Stop()
		c.Later("y", time.Now(), func() { t.Error("ran") })
		time.Sleep(time.Hour)
	})
}

// A chore that keeps being due, such as one that fails and asks to be done again at once, does
// not keep the node from closing.
func TestStopDoesNotWaitForEndlessChores(t *testing.T) {
	var c node.Chores
	c.Start(time.Now)
	var once sync.Once
	begun := make(chan struct{})
	var run func()
	run = func() {
		once.Do(func() { close(begun) })
		c.Later("x", time.Now(), run)
	}
	c.Later("x", time.Now(), run)
	<-begun
	stopped := make(chan struct{})
	go func() {
		c.Stop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("it does")
	}
}
