package wire_test

import (
	"encoding/json"
	"os"
	"testing"
)

type vectors struct {
	Channel []struct {
		ID        string  `json:"id"`
		Channel   string  `json:"channel"`
		Auth      string  `json:"auth"`
		Data      *string `json:"channel_data"`
		Subscribe string  `json:"subscribe_frame"`
	} `json:"channel_auth"`
	User []struct {
		ID       string `json:"id"`
		Auth     string `json:"auth"`
		UserData string `json:"user_data"`
		Signin   string `json:"signin_frame"`
	} `json:"user_auth"`
	HTTP []struct {
		Path   string `json:"path"`
		Method string `json:"method"`
		Body   string `json:"body"`
	} `json:"http_request_signing"`
	Wire struct {
		In []struct {
			From, Text string
		} `json:"client_to_server"`
		Out []struct {
			ID, Text string
		} `json:"server_to_client"`
	} `json:"wire"`
	Shapes []struct {
		Endpoint string
		Good     []string
	} `json:"http_response_shapes"`
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
	if len(v.Channel) == 0 || len(v.User) == 0 || len(v.Wire.In) == 0 || len(v.Wire.Out) == 0 || len(v.Shapes) == 0 {
		t.Fatal("a section of vectors.json is empty")
	}
	return v
}
