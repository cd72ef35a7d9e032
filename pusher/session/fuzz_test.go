package session_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/session"
)

// FuzzSequence plays any sequence of messages, late answers and passing time against a model that keeps only what the
// caller of a session keeps: which Subscribe actions it owes an answer, and which channels it has let the connection
// into. Each byte is one step.
func FuzzSequence(f *testing.F) {
	f.Add([]byte{0, 64, 128, 1, 65, 129, 192})
	f.Add([]byte("subscribe, leave, come back"))
	f.Add([]byte{2, 2, 32 + 2, 64 + 2, 2, 96 + 2, 128 + 2, 224, 225, 226, 227, 240, 250})
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 1000 {
			t.Skip("nothing new, only slow")
		}
		playSteps(t, steps)
	})
}

// TestSequences plays long random sequences, so that the session grows its index and shrinks again.
func TestSequences(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 60 {
		steps := make([]byte, 500+n)
		for i := range steps {
			// Mostly subscribes and joins for a while, then mostly the other steps.
			if steps[i] = byte(rng.IntN(256)); i/100%2 == 0 && rng.IntN(2) == 0 {
				steps[i] = steps[i]&31 | byte(rng.IntN(2))<<7
			}
		}
		playSteps(t, steps)
	}
}

func playSteps(t *testing.T, steps []byte) {
	t.Helper()
	a := newApp()
	a.RequireSignIn = len(steps)%2 == 0
	a.Compat.ReacknowledgeSubscribe = len(steps)%3 == 0
	a.Compat.ClientEventsOnPublic = len(steps)%5 == 0
	a.Limits.SubscriptionsPerConnection = 20
	m := &model{t: t, s: session.New(a, socketID(socket), start), owed: map[string]int{}, in: map[string]string{}, now: start}
	m.carryOut(m.s.Open(120, nil))
	for _, step := range steps {
		m.step(step)
		m.check()
	}
	// The connection goes; every late answer must fall flat, and the rest is undone by the walk.
	m.s.End()
	for channel, n := range m.owed {
		for range n {
			if m.s.Joined(channel) {
				t.Fatalf("joined %s after the end", channel)
			}
		}
	}
	m.owed = map[string]int{}
	m.check()
	if out := m.s.Handle([]byte(`{"event":"pusher:ping"}`), m.now, nil); len(out) != 0 {
		t.Fatal("it speaks after the end")
	}
}

// channels has one of each kind, and enough plain ones to make the session build its index.
var channels = func() []string {
	list := []string{
		"private-a", "presence-a", "presence-b", "pub", "cache-a", "private-encrypted-a", "#server-to-user-u1", "#server-to-user-u2", "bad name",
	}
	for i := range 23 {
		list = append(list, fmt.Sprintf("n%d", i))
	}
	return list // 32
}()

type model struct {
	t          *testing.T
	s          *session.Session
	owed       map[string]int    // answers to Subscribe actions
	in         map[string]string // channels the connection is in, and as whom
	user       string
	signing    *session.Action
	authorized int
	now        time.Time
}

// step spends three bits on what happens and five on the channel.
func (m *model) step(b byte) {
	name := channels[b&31]
	var msg string
	switch b >> 5 {
	case 0, 1:
		if kind := pusher.KindOf(name); kind&pusher.Presence != 0 {
			msg = subscribeFrame(name, fmt.Sprintf(`{"user_id":"m%d"}`, b>>5))
		} else {
			msg = subscribeFrame(name)
		}
	case 2:
		msg = frame("pusher:unsubscribe", map[string]string{"channel": name})
	case 3:
		text, _ := json.Marshal(map[string]string{"event": "client-x", "channel": name, "data": "d"})
		msg = string(text)
	case 4, 5:
		if m.owed[name] == 0 {
			// Nobody asked; nothing must come of it.
			if m.s.Joined(name) || len(m.s.Refused(name, pusher.PresenceFull(name), nil)) > 0 {
				m.t.Fatalf("an answer for %s that nobody asked for had an effect", name)
			}
			return
		}
		m.owed[name]--
		if b>>5 == 5 {
			m.carryOut(m.s.Refused(name, pusher.PresenceFull(name), nil))
			return
		}
		if m.s.Joined(name) {
			if _, twice := m.in[name]; twice {
				m.t.Fatalf("joined %s twice", name)
			}
			m.in[name] = m.userOn(name)
		}
		return
	case 6:
		switch b & 31 {
		case 0, 1, 2, 3:
			msg = signinFrame(fmt.Sprintf(`{"id":"u%d"}`, 1+b&1))
		case 4, 5:
			if p := m.signing; p != nil {
				m.signing = nil
				m.user = p.User.ID
				m.carryOut(m.s.SignedIn(nil))
			}
		case 6:
			m.signing = nil
			m.carryOut(m.s.SignInRefused(pusher.BadUser(""), nil))
		default:
			m.now = m.now.Add(time.Duration(b&31) * time.Second / 8)
			m.carryOut(m.s.Expire(m.now, nil))
			return
		}
	case 7:
		msg = []string{`{"event":"pusher:ping"}`, `{"event":"x"}`, `{`, `{"event":"pusher_internal:member_added"}`}[b&3]
	}
	if msg != "" {
		m.carryOut(m.s.Handle([]byte(msg), m.now, nil))
	}
}

func (m *model) userOn(name string) (userID string) {
	for channel, as := range m.s.Channels() {
		if channel == name {
			userID = as
		}
	}
	return userID
}

func (m *model) carryOut(actions []session.Action) {
	for i := range actions {
		a := &actions[i]
		_, in := m.in[a.Channel]
		switch a.Op {
		case session.Send:
			if !json.Valid(a.Payload) {
				m.t.Fatalf("not JSON: %s", a.Payload)
			}
			if len(a.Payload) > 4096 {
				m.t.Fatalf("a refusal of %d bytes", len(a.Payload))
			}
		case session.Close:
			if i != len(actions)-1 || !m.s.Ended() || !a.Err.Fatal() {
				m.t.Fatal("a close that is not the end")
			}
		case session.Subscribe:
			if in || m.owed[a.Channel] > 0 {
				m.t.Fatalf("asked to subscribe to %s, where it is already (in %v, owed %d)", a.Channel, in, m.owed[a.Channel])
			}
			if (a.Member != nil) != (a.Kind&pusher.Presence != 0) {
				m.t.Fatalf("%s: member %v", a.Channel, a.Member)
			}
			if a.Kind&pusher.ServerToUser != 0 && a.Channel != pusher.ServerToUserPrefix+m.user {
				m.t.Fatalf("%s for user %q", a.Channel, m.user)
			}
			if a.Kind.NeedsAuth() && m.authorized == 0 {
				m.t.Fatal("an authorized subscription before Authorized")
			}
			m.owed[a.Channel]++
		case session.Unsubscribe:
			if !in || a.UserID != m.in[a.Channel] {
				m.t.Fatalf("asked to leave %s as %q, in %v as %q", a.Channel, a.UserID, in, m.in[a.Channel])
			}
			delete(m.in, a.Channel)
		case session.Acknowledge, session.ClientEvent:
			if !in || a.UserID != m.in[a.Channel] {
				m.t.Fatalf("%v on %s as %q, in %v as %q", a.Op, a.Channel, a.UserID, in, m.in[a.Channel])
			}
		case session.SignIn:
			if m.user != "" && m.user != a.User.ID || m.signing != nil {
				m.t.Fatalf("asked to sign in as %s, is %q", a.User.ID, m.user)
			}
			m.signing = a
		case session.Authorized:
			if m.authorized++; m.authorized > 1 {
				m.t.Fatal("authorized twice")
			}
		}
	}
}

func (m *model) check() {
	var got, want []string
	for channel, as := range m.s.Channels() {
		got = append(got, channel+" "+as)
	}
	for channel, as := range m.in {
		want = append(want, channel+" "+as)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		m.t.Fatalf("channels\n got %s\nwant %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
	if m.s.UserID() != m.user && !m.s.Ended() {
		m.t.Fatalf("user %q, want %q", m.s.UserID(), m.user)
	}
}

// FuzzHandle feeds any message to a session that has one channel of each kind.
func FuzzHandle(f *testing.F) {
	f.Add(`{"event":"client-x","channel":"presence-a","data":{"a":[1,"\u00e9"]}}`)
	f.Add(`{"event":"pusher:subscribe","data":{"channel":"presence-x","auth":":","channel_data":"{}"}}`)
	f.Add(`{"event":"pusher:signin","data":{"auth":"a:b","user_data":"{\"id\":\"1\"}"}}`)
	f.Add(subscribeFrame("presence-b", `{"user_id":1e3,"user_info":[]}`))
	f.Add(signinFrame(`{"id":"1","watchlist":["2"]}`))
	f.Add(`{"event":"pusher:unsubscribe","data":{"channel":"pub"},"event":"\ud800"}`)
	f.Fuzz(func(t *testing.T, msg string) {
		s := session.New(newApp(), socketID(socket), start)
		for _, frame := range []string{subscribeFrame("pub"), subscribeFrame("private-a"), subscribeFrame("presence-a", `{"user_id":"u"}`)} {
			for _, a := range s.Handle([]byte(frame), start, nil) {
				s.Joined(a.Channel)
			}
		}
		for _, a := range s.Handle([]byte(msg), start, nil) {
			switch a.Op {
			case session.Send:
				if !json.Valid(a.Payload) {
					t.Fatalf("not JSON: %q", a.Payload)
				}
			case session.Close:
				t.Fatal("a message closed the connection")
			case session.ClientEvent:
				if !strings.HasPrefix(a.Event, "client-") || a.Channel != "private-a" && a.Channel != "presence-a" {
					t.Fatalf("%q on %q", a.Event, a.Channel)
				}
				if a.Data != nil && !json.Valid(a.Data) {
					t.Fatalf("data is not JSON: %q", a.Data)
				}
			}
		}
	})
}
