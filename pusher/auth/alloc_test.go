package auth_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/auth"
)

func TestChecksMakeLittleGarbage(t *testing.T) {
	data := `{"user_id":"10","user_info":{"name":"Mr. Channels"}}`
	sig := auth.ChannelSignature("secret", "1.2", "presence-x", &data)
	userSig := auth.UserSignature("secret", "1.2", data)
	body := []byte(`{"name":"foo"}`)
	now := time.Unix(1353088179, 0)
	apps := secrets{"k": "secret"}
	query := []byte(auth.SignRequest("POST", "/apps/3/events", map[string]string{"info": "user_count"}, body, "k", "secret", now))
	r := &auth.Request{Method: "POST", Path: "/apps/3/events", Query: query, Body: body}
	var verifier auth.Verifier
	for _, c := range []struct {
		name string
		max  float64
		run  func() bool
	}{
		{"CheckChannel", 1, func() bool { return auth.CheckChannel("secret", sig, "1.2", "presence-x", &data) }},
		{"CheckUser", 1, func() bool { return auth.CheckUser("secret", userSig, "1.2", data) }},
		{"Verifier.Check", 1, func() bool { _, _, err := verifier.Check(r, apps, now); return err == nil }},
	} {
		if !c.run() {
			t.Fatalf("%s refuses a right signature", c.name)
		}
		if got := testing.AllocsPerRun(100, func() { c.run() }); got > c.max {
			t.Errorf("%s allocates %v times, want at most %v", c.name, got, c.max)
		} else {
			t.Logf("%s: %v", c.name, got)
		}
	}
}
