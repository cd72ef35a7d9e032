package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

func TestHistoryIsReadFromBothEnds(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(func(a *app.App) {
		a.Rules = []app.Rule{{Match: "kept", History: app.History{Events: 5}}, {Match: "board", KeyedCache: true}}
	})
	start := h.clock.Now()
	read := func(q node.PastQuery) string {
		t.Helper()
		if q.Limit == 0 {
			q.Limit = 100
		}
		if q.Room == 0 {
			q.Room = 1 << 20
		}
		past := h.History(a, "kept", &q)
		var out strings.Builder
		for _, e := range past.Events {
			_, n, _ := strings.Cut(e.Serial, "-")
			if want := fmt.Sprintf(`{"event":"e","channel":"kept","data":"%s","serial":"%s"}`, n, e.Serial); string(e.JSON) != want {
				t.Errorf("event %s is %s, want %s", e.Serial, e.JSON, want)
			}
			if at := fmt.Sprint(int(e.At.Sub(start)/time.Second) + 1); at != n {
				t.Errorf("event %s is from second %s", e.Serial, at)
			}
			out.WriteString(n + " ")
		}
		if past.More {
			out.WriteString("more ")
		}
		return out.String() + past.Gap
	}
	if past := h.History(a, "kept", &node.PastQuery{Since: "x-1", Limit: 1}); !past.Kept || past.Head != "" || past.Gap != "epoch" {
		t.Errorf("before anything was published: %+v", past)
	}
	for i := range 8 {
		h.publish(a, "kept", fmt.Sprintf(`"%d"`, i+1))
		h.clock.Advance(time.Second)
	}
	head := h.History(a, "kept", &node.PastQuery{Limit: 1}).Head
	at := func(n int) string { return strings.TrimSuffix(head, "8") + fmt.Sprint(n) }
	for _, tt := range []struct {
		q    node.PastQuery
		want string
	}{
		{node.PastQuery{}, "4 5 6 7 8 "},
		{node.PastQuery{Newest: true}, "8 7 6 5 4 "},
		{node.PastQuery{Limit: 2}, "4 5 more "},
		{node.PastQuery{Limit: 2, Newest: true}, "8 7 more "},
		{node.PastQuery{Limit: 5}, "4 5 6 7 8 "},
		{node.PastQuery{Since: at(6)}, "7 8 "},
		{node.PastQuery{Since: at(6), Newest: true}, "8 7 "},
		{node.PastQuery{Since: at(8)}, ""},
		{node.PastQuery{Since: at(3)}, "4 5 6 7 8 "},
		{node.PastQuery{Since: at(2)}, "4 5 6 7 8 expired"},
		{node.PastQuery{Since: at(9)}, "4 5 6 7 8 ahead"},
		{node.PastQuery{Since: "other-3", Limit: 2}, "4 5 more epoch"},
		{node.PastQuery{Since: "junk"}, "4 5 6 7 8 invalid"},
		{node.PastQuery{Before: at(6)}, "4 5 "},
		{node.PastQuery{Before: at(7), Newest: true, Limit: 2}, "6 5 more "},
		{node.PastQuery{Before: at(4), Newest: true}, ""},
		{node.PastQuery{Before: at(7), Since: at(5)}, "6 "},
		{node.PastQuery{Before: at(100)}, "4 5 6 7 8 "},
		{node.PastQuery{Before: "other-6"}, "epoch"},
		{node.PastQuery{Room: 1}, "4 more "},
		{node.PastQuery{Room: 150}, "4 5 more "},
	} {
		if got := read(tt.q); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.q, got, tt.want)
		}
	}
	for _, name := range []string{"board", "other"} {
		if past := h.History(a, name, &node.PastQuery{Limit: 1}); past.Kept {
			t.Errorf("%s has history", name)
		}
	}
}
