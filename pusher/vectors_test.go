package pusher_test

import (
	"encoding/json"
	"os"
	"testing"
)

// vectors is the part of testdata/vectors.json about names.
type vectors struct {
	Channels []struct {
		Name         string `json:"name"`
		Valid        bool   `json:"valid"`
		NeedsAuth    bool   `json:"needs_auth"`
		Presence     bool   `json:"presence"`
		Encrypted    bool   `json:"encrypted"`
		Cache        bool   `json:"cache"`
		ClientEvents bool   `json:"client_events_allowed"`
	} `json:"channel_names"`
	Events []struct {
		Name string `json:"name"`
		HTTP *bool  `json:"publish_over_http"`
		WS   *bool  `json:"over_websocket"`
	} `json:"event_names"`
	SocketID struct{ Valid, Invalid []string } `json:"socket_id"`
	UserID   struct {
		Max            int `json:"max_length"`
		Valid, Invalid []string
	} `json:"user_id"`
	CloseCodes []struct {
		Code  int  `json:"code"`
		Close bool `json:"send_as_close"`
	} `json:"close_codes"`
	Limits map[string]int `json:"limits"`
}

func load(t *testing.T) *vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
	if len(v.Channels) == 0 || len(v.Events) == 0 || len(v.SocketID.Invalid) == 0 || len(v.UserID.Invalid) == 0 || len(v.CloseCodes) == 0 {
		t.Fatal("a section of vectors.json is empty")
	}
	return v
}
