package auth_test

import (
	"encoding/json"
	"os"
	"testing"
)

type vectors struct {
	Credentials struct{ Key, Secret string }
	Channel     []struct {
		ID          string  `json:"id"`
		SocketID    string  `json:"socket_id"`
		Channel     string  `json:"channel"`
		ChannelData *string `json:"channel_data"`
		Text        string  `json:"string_to_sign"`
		HMAC        string  `json:"hmac_sha256_hex"`
		Auth        string  `json:"auth"`
		Expect      string  `json:"expect"`
	} `json:"channel_auth"`
	User []struct {
		ID       string `json:"id"`
		SocketID string `json:"socket_id"`
		UserData string `json:"user_data"`
		Text     string `json:"string_to_sign"`
		HMAC     string `json:"hmac_sha256_hex"`
		Auth     string `json:"auth"`
		Expect   string `json:"expect"`
	} `json:"user_auth"`
	HTTP   []request                      `json:"http_request_signing"`
	Window struct{ Accept, Reject []int } `json:"timestamp_window_seconds"`
}

type request struct {
	ID         string `json:"id"`
	Method     string `json:"method"`
	Path       string `json:"path"`
	Body       string `json:"body"`
	Text       string `json:"string_to_sign"`
	Signature  string `json:"auth_signature"`
	Target     string `json:"request_target"`
	ServerTime int64  `json:"server_time"`
	Expect     string `json:"expect"`
	Error      string `json:"official_error_text"`
}

func load(t testing.TB) *vectors {
	t.Helper()
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
	if len(v.Channel) == 0 || len(v.User) == 0 || len(v.HTTP) == 0 || len(v.Window.Reject) == 0 {
		t.Fatal("a section of vectors.json is empty")
	}
	return v
}

// secrets is an app's keys.
type secrets map[string]string

func (s secrets) Secret(key string) (string, bool) {
	secret, ok := s[key]
	return secret, ok
}

func (v *vectors) secrets() secrets { return secrets{v.Credentials.Key: v.Credentials.Secret} }
