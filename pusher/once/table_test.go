package once_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/once"
)

var start = time.Unix(1_700_000_000, 0)

func key(n int) (k once.Key) {
	copy(k[:], fmt.Sprint(n))
	return k
}

func TestAnAnswerIsGivenAgainWithinItsWindow(t *testing.T) {
	var table once.Table[string]
	l := once.Limits{Window: time.Minute}
	if o, _, _ := table.Begin(key(1), 7, l, start); o != once.New {
		t.Fatalf("outcome %d of the first", o)
	}
	table.Done(key(1), "{}", start)
	for after, want := range map[time.Duration]once.Outcome{0: once.Known, time.Minute - 1: once.Known} {
		if o, answer, _ := table.Begin(key(1), 7, l, start.Add(after)); o != want || answer != "{}" {
			t.Errorf("after %v: outcome %d, %q", after, o, answer)
		}
	}
	if o, _, _ := table.Begin(key(1), 8, l, start); o != once.Misused {
		t.Errorf("outcome %d of another request", o)
	}
	if o, _, _ := table.Begin(key(1), 7, l, start.Add(time.Minute)); o != once.New || table.Len() != 1 {
		t.Errorf("outcome %d after the window, %d known", o, table.Len())
	}
}

func TestWhoComesMeanwhileWaits(t *testing.T) {
	for what, end := range map[string]func(*once.Table[string]){
		"done":    func(table *once.Table[string]) { table.Done(key(1), "x", start) },
		"aborted": func(table *once.Table[string]) { table.Abort(key(1)) },
	} {
		var table once.Table[string]
		table.Begin(key(1), 7, once.Limits{}, start)
		o, _, wait := table.Begin(key(1), 7, once.Limits{}, start)
		_, _, other := table.Begin(key(1), 7, once.Limits{}, start)
		if o != once.Pending || wait == nil || other != wait {
			t.Fatalf("%s: outcome %d, wait %v and %v", what, o, wait, other)
		}
		end(&table)
		<-wait
		want := map[string]once.Outcome{"done": once.Known, "aborted": once.New}[what]
		if o, _, _ := table.Begin(key(1), 7, once.Limits{}, start); o != want {
			t.Errorf("%s: then outcome %d, want %d", what, o, want)
		}
	}
}

func TestTheOldestAreForgottenFirst(t *testing.T) {
	var table once.Table[int]
	l := once.Limits{Keys: 3}
	table.Begin(key(-1), 0, l, start) // is being dealt with all the time
	for i := range 1000 {
		if o, _, _ := table.Begin(key(i), 0, l, start); o != once.New {
			t.Fatalf("outcome %d of %d", o, i)
		}
		table.Done(key(i), i, start)
		if n := table.Len(); n > 5 {
			t.Fatalf("%d are known", n)
		}
	}
	for i, want := range map[int]once.Outcome{-1: once.Pending, 997: once.Known, 998: once.Known, 999: once.Known, 996: once.New} {
		if o, answer, _ := table.Begin(key(i), 0, l, start); o != want || o == once.Known && answer != i {
			t.Errorf("outcome %d, answer %d of %d, want %d", o, answer, i, want)
		}
	}
}
