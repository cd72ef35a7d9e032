package session_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/session"
)

var start = time.Unix(1_700_000_000, 0)

func vectors(t *testing.T, into any) {
	t.Helper()
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func ops(actions []session.Action) []session.Op {
	var list []session.Op
	for _, a := range actions {
		list = append(list, a.Op)
	}
	return list
}

func TestChannelAuthVectors(t *testing.T) {
	var v struct {
		Cases []struct {
			ID       string
			SocketID string `json:"socket_id"`
			Channel  string
			Expect   string
			Frame    string `json:"subscribe_frame"`
		} `json:"channel_auth"`
	}
	vectors(t, &v)
	if len(v.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, test := range v.Cases {
		s := session.New(newApp(), socketID(test.SocketID), start)
		if test.ID == "presence-signed-in-no-channel-data" {
			if got := ops(s.Handle([]byte(test.Frame), start, nil)); !slices.Equal(got, []session.Op{session.Send}) {
				t.Errorf("%s: accepted without a sign-in: %v", test.ID, got)
			}
			s.Handle([]byte(signinFrame(`{"id":"12345"}`)), start, nil)
			s.SignedIn(nil)
		}
		out := s.Handle([]byte(test.Frame), start, nil)
		if test.Expect == "accept" {
			if len(out) != 1 || out[0].Op != session.Subscribe || out[0].Channel != test.Channel {
				t.Errorf("%s: refused: %s", test.ID, describe(&out[0]))
			}
			continue
		}
		if len(out) != 1 || out[0].Op != session.Send || out[0].Err == nil || out[0].Err.Code != 0 {
			t.Errorf("%s: got %v, want one error without code", test.ID, ops(out))
		}
	}
}

func TestUserAuthVectors(t *testing.T) {
	var v struct {
		Cases []struct {
			ID       string
			SocketID string `json:"socket_id"`
			UserData string `json:"user_data"`
			Expect   string
			Frame    string `json:"signin_frame"`
		} `json:"user_auth"`
	}
	vectors(t, &v)
	if len(v.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, test := range v.Cases {
		s := session.New(newApp(), socketID(test.SocketID), start)
		out := s.Handle([]byte(test.Frame), start, nil)
		if test.Expect == "accept" {
			if len(out) != 1 || out[0].Op != session.SignIn || out[0].User.ID != "12345" {
				t.Errorf("%s: refused: %s", test.ID, describe(&out[0]))
			}
			continue
		}
		if len(out) != 1 || out[0].Op != session.Send || out[0].Err == nil || out[0].Err.Code != 0 {
			t.Errorf("%s: got %v, want one error without code", test.ID, ops(out))
		}
		if s.UserID() != "" {
			t.Errorf("%s: signed in as %q", test.ID, s.UserID())
		}
	}
}

func TestChannelNameVectors(t *testing.T) {
	var v struct {
		Cases []struct {
			Name         string
			Valid        bool
			NeedsAuth    bool `json:"needs_auth"`
			Presence     bool
			ClientEvents bool `json:"client_events_allowed"`
		} `json:"channel_names"`
	}
	vectors(t, &v)
	if len(v.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, test := range v.Cases {
		if strings.HasPrefix(test.Name, pusher.ServerToUserPrefix) {
			continue // needs a sign-in instead; testdata/server_to_user.txt
		}
		s := session.New(newApp(), socketID(socket), start)
		out := s.Handle([]byte(frame("pusher:subscribe", map[string]string{"channel": test.Name})), start, nil)
		if subscribed := out[0].Op == session.Subscribe; subscribed != (test.Valid && !test.NeedsAuth) {
			t.Errorf("%q without auth: %s", test.Name, describe(&out[0]))
			continue
		}
		if !test.Valid {
			continue
		}
		if test.NeedsAuth {
			args := []string{}
			if test.Presence {
				args = append(args, `{"user_id":"u"}`)
			}
			out = s.Handle([]byte(subscribeFrame(test.Name, args...)), start, nil)
		}
		if out[0].Op != session.Subscribe || (out[0].Member != nil) != test.Presence {
			t.Errorf("%q with auth: %s", test.Name, describe(&out[0]))
		}
		s.Joined(test.Name)
		event, _ := json.Marshal(map[string]string{"event": "client-x", "channel": test.Name})
		out = s.Handle(event, start, nil)
		if passed := out[0].Op == session.ClientEvent; passed != test.ClientEvents {
			t.Errorf("client event on %q: %s", test.Name, describe(&out[0]))
		}
	}
}

// Frames captured from pusher-js and read in the Java client are all understood: none is malformed or unsupported.
func TestFramesOfOfficialClientsAreUnderstood(t *testing.T) {
	var v struct {
		Wire struct {
			Frames []struct{ From, Text string } `json:"client_to_server"`
		}
	}
	vectors(t, &v)
	if len(v.Wire.Frames) == 0 {
		t.Fatal("no frames")
	}
	for _, f := range v.Wire.Frames {
		s := session.New(newApp(), socketID(socket), start)
		for _, a := range s.Handle([]byte(f.Text), start, nil) {
			if a.Err != nil && (a.Err.Reason == "malformed_message" || a.Err.Reason == "unsupported_event") {
				t.Errorf("%s: %s\n%s", f.From, f.Text, a.Payload)
			}
		}
	}
}
