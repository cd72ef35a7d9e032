package auth_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/auth"
)

func BenchmarkCheckChannel(b *testing.B) {
	data := `{"user_id":"10","user_info":{"name":"Mr. Channels"}}`
	sig := auth.ChannelSignature("secret", "1.2", "presence-x", &data)
	b.ReportAllocs()
	for b.Loop() {
		if !auth.CheckChannel("secret", sig, "1.2", "presence-x", &data) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkVerifierCheck(b *testing.B) {
	body := []byte(`{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`)
	now := time.Unix(1353088179, 0)
	query := []byte(auth.SignRequest("POST", "/apps/3/events", nil, body, "k", "secret", now))
	r := &auth.Request{Method: "POST", Path: "/apps/3/events", Query: query, Body: body}
	apps := secrets{"k": "secret"}
	var v auth.Verifier
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := v.Check(r, apps, now); err != nil {
			b.Fatal(err)
		}
	}
}
