package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// readTrigger returns the body of a publish as the HTTP API takes it: data that is not text becomes the text that it is.
func readTrigger(r *http.Request) ([]byte, error) {
	var t struct {
		Name     string          `json:"name"`
		Channel  string          `json:"channel,omitempty"`
		Channels []string        `json:"channels,omitempty"`
		Data     json.RawMessage `json:"data"`
		SocketID string          `json:"socket_id,omitempty"`
	}
	if err := read(r, &t); err != nil {
		return nil, err
	}
	if len(t.Data) == 0 {
		return nil, badRequest("no_data", "data is missing")
	}
	if t.Data[0] != '"' {
		var plain bytes.Buffer
		if err := json.Compact(&plain, t.Data); err != nil {
			return nil, badRequest("bad_body", "data: "+err.Error())
		}
		text, err := quoted(plain.String())
		if err != nil {
			return nil, err
		}
		t.Data = text
	}
	// Not json.Marshal, which would write other letters for < and &, and the publisher's are to stay.
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(&t)
	return body.Bytes(), err
}

func quoted(text string) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return bytes.TrimSpace(b.Bytes()), err
}
