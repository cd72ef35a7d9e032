package gateway_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// A tick is an event as a client gets it, or the position in place of some.
type tick struct {
	Event, Channel, Data, Serial string
	Skipped                      int
}

func readTick(t *testing.T, c *client) (m tick) {
	t.Helper()
	text := c.read()
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return m
}

// narrowed has the kernel take little, so that a client that stalls is felt soon.
func narrowed() options {
	return options{engine: engine.Config{SendBuffer: 8 << 10, NotSentLowat: 8 << 10}}
}

// slowServer returns a server with a channel that nobody need get all of, and clients on it: one that reads, one that does
// not, and one more that does not but wants to know.
func slowServer(t *testing.T, r app.Rule) (s *server, a *app.App, fast, slow, told *client) {
	t.Helper()
	r.Match, r.HighWater, r.LowWater = "ticker", 8<<10, 2<<10
	a = newApp(func(a *app.App) { a.Rules = []app.Rule{r} })
	s = newServer(t, narrowed(), a)
	fast, slow, told = s.join(a), s.join(a), s.dial("/app/"+a.Keys[0].Key+"?resume=1", "")
	told.read()
	for _, c := range []*client{fast, slow, told} {
		c.say(`{"event":"pusher:subscribe","data":{"channel":"ticker"}}`)
		if m := readTick(t, c); m.Event != "pusher_internal:subscription_succeeded" {
			t.Fatalf("got %+v", m)
		}
	}
	return s, a, fast, slow, told
}

// ticks publishes rounds of a value for each key, which fast reads, until those who do not read have missed enough.
func ticks(t *testing.T, s *server, a *app.App, fast *client, keys int, dropped string) (rounds int) {
	t.Helper()
	for s.gauge(`gannet_engine_dropped_frames_total{reason="`+dropped+`"}`) < 2000 {
		rounds++
		tickOnce(t, s, a, fast, keys, rounds)
	}
	return rounds
}

// tickOnce publishes one round.
func tickOnce(t *testing.T, s *server, a *app.App, fast *client, keys, round int) {
	t.Helper()
	for k := range keys {
		value := fmt.Sprintf(`"%d %s"`, round, strings.Repeat("x", 200))
		if err := s.node.Publish(a, &node.Event{Channel: "ticker", Name: fmt.Sprint("K", k), Data: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	for k := range keys {
		if m := readTick(t, fast); m.Event != fmt.Sprint("K", k) || m.Data[:strings.IndexByte(m.Data, ' ')] != fmt.Sprint(round) {
			t.Fatalf("who reads got %.80v instead of K%d of round %d", m, k, round)
		}
	}
}

func (m *tick) round(t *testing.T) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(m.Data, &n); err != nil {
		t.Fatalf("%+v: %v", m, err)
	}
	return n
}

// Those who do not read get, once they do, what the kernel had taken, then the newest of each key and nothing else; who
// reads gets every tick; and who wants to know learns of each gap, so that positions leave nothing out.
func TestSlowClientsGetTheNewestOfEachKey(t *testing.T) {
	const keys = 20
	for _, kept := range []int{0, 100} {
		t.Run(fmt.Sprint("history of ", kept), func(t *testing.T) {
			t.Parallel()
			s, a, fast, slow, told := slowServer(t, app.Rule{Slow: app.Conflate, History: app.History{Events: kept}})
			last := ticks(t, s, a, fast, keys, "conflated")
			if n := s.gauge("gannet_engine_backlog_bytes"); n > 2*keys*400 {
				t.Errorf("%v bytes wait for two clients, more than one value for each key", n)
			}
			for _, c := range []*client{slow, told} {
				rounds, place, skipped := make([]int, keys), 0, 0
				for slices.Min(rounds) < last {
					m := readTick(t, c)
					if m.Event == "pusher_internal:gannet_position" {
						if c == slow || m.Skipped == 0 || (m.Serial == "") != (kept == 0) {
							t.Fatalf("unasked for: %+v", m)
						}
						skipped += m.Skipped
						place += m.Skipped
						if kept > 0 && offsetOf(m.Serial) != uint64(place) {
							t.Fatalf("%+v at %d", m, place)
						}
						continue
					}
					var k int
					if _, err := fmt.Sscanf(m.Event, "K%d", &k); err != nil {
						t.Fatalf("%+v", m)
					}
					round := m.round(t)
					if place++; c == told && place != (round-1)*keys+k+1 {
						t.Fatalf("%.80v at %d, without a notice", m, place)
					}
					if kept > 0 && offsetOf(m.Serial) != uint64((round-1)*keys+k+1) {
						t.Fatalf("%.80v of round %d", m, round)
					}
					if round <= rounds[k] {
						t.Fatalf("%.80v after round %d", m, rounds[k])
					}
					rounds[k] = round
				}
				if c == told && (skipped == 0 || place != last*keys) {
					t.Errorf("told of %d that it was not sent; it stands at %d of %d", skipped, place, last*keys)
				}
				// What comes now comes whole.
				if got := c.collect(); len(got) != 0 {
					t.Errorf("and then %.200q", got)
				}
			}
			ev := &node.Event{Channel: "ticker", Name: "K0", Data: []byte(`"0 "`)}
			for range 3 {
				if err := s.node.Publish(a, ev); err != nil {
					t.Fatal(err)
				}
			}
			s.settle()
			for _, c := range []*client{fast, slow, told} {
				if got := c.collect(); len(got) != 3 {
					t.Errorf("of three ticks %.300q came", got)
				}
			}
		})
	}
}

// With drop_oldest the newest come, in order; who wants to know learns of each hole.
func TestSlowClientsDoNotGetTheOldest(t *testing.T) {
	s, a, fast, slow, told := slowServer(t, app.Rule{Slow: app.DropOldest, History: app.History{Events: 10}})
	last := ticks(t, s, a, fast, 1, "oldest")
	for _, c := range []*client{slow, told} {
		place, holes, skipped := 0, 0, 0
		for place < last {
			m := readTick(t, c)
			if m.Event == "pusher_internal:gannet_position" {
				skipped += m.Skipped
				place += m.Skipped
				if c == slow || offsetOf(m.Serial) != uint64(place) {
					t.Fatalf("%+v at %d", m, place)
				}
				holes++
				continue
			}
			round := m.round(t)
			if round != place+1 {
				if c == told {
					t.Fatalf("round %d at %d, without a notice", round, place)
				}
				holes++
			}
			place = round
		}
		if holes == 0 || c == told && skipped == 0 {
			t.Errorf("%d holes, %d events skipped", holes, skipped)
		}
	}
}

// A client that is slow on a channel without a policy is closed, as it was before there were any.
func TestSlowClientsAreClosedUnlessARuleSaysOtherwise(t *testing.T) {
	a := newApp(func(a *app.App) { a.Rules = []app.Rule{{Match: "ticker", Slow: app.Conflate, HighWater: 1 << 10}} })
	o := narrowed()
	o.engine.BacklogBytes = 64 << 10
	s := newServer(t, o, a)
	c := s.join(a)
	for _, channel := range []string{"ticker", "news"} {
		c.say(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`)
		readTick(t, c)
	}
	data := []byte(`"` + strings.Repeat("x", 1000) + `"`)
	for s.gauge(`gannet_gateway_refusals_total{reason="slow_consumer"}`) == 0 {
		for _, channel := range []string{"ticker", "news"} {
			if err := s.node.Publish(a, &node.Event{Channel: channel, Name: "e", Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		s.turn()
	}
	frames := c.rest()
	if got := frames[len(frames)-1]; !strings.HasPrefix(got, "close 4100 ") {
		t.Errorf("it ends with %q", got)
	}
}
