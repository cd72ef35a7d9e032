package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/bytedance/sonic"

	"github.com/gannet-io/gannet/pusher/wire"
)

// TestSonicValidIsStillTooLax holds the reason for a validator of our own: the data token of a
// publish goes out as it came, so whatever validation lets through reaches every subscriber.
// When this fails, sonic has become strict, and may take over.
func TestSonicValidIsStillTooLax(t *testing.T) {
	for _, text := range []string{"{\"data\":\"line\nbreak\"}", "{\"data\":\"\x01\"}", `{"data":"\q"}`} {
		if json.Valid([]byte(text)) {
			t.Fatalf("%q is JSON after all", text)
		}
		if !sonic.Valid([]byte(text)) {
			t.Errorf("sonic.Valid refuses %q now", text)
		}
		if _, err := wire.ParseTrigger([]byte(`{"name":"e","channel":"c",`+text[1:]), maxDepth); err == nil {
			t.Errorf("ParseTrigger accepts %q", text)
		}
	}
}
