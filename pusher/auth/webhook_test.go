package auth_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/gannet-io/gannet/pusher/auth"
)

func TestWebhookSignaturesAreThoseOfTheVectors(t *testing.T) {
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Webhook []struct {
			ID, Body, Expect string
			Headers          map[string]string
		}
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	// The app of Pusher's own documentation.
	const key, secret = "278d425bdf160c739803", "7ad3773142a6692b25b8"
	if len(vectors.Webhook) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors.Webhook {
		if v.Headers["X-Pusher-Key"] != key {
			t.Errorf("%s: key %s", v.ID, v.Headers["X-Pusher-Key"])
		}
		same := auth.WebhookSignature(secret, []byte(v.Body)) == v.Headers["X-Pusher-Signature"]
		if same != (v.Expect == "accept") {
			t.Errorf("%s: signature %s, the vector has %s to %s", v.ID, auth.WebhookSignature(secret, []byte(v.Body)), v.Headers["X-Pusher-Signature"], v.Expect)
		}
	}
}
