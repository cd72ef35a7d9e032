package wire_test

import (
	"testing"

	"github.com/gannet-io/gannet/pusher/wire"
)

func TestHotPathsMakeNoGarbage(t *testing.T) {
	msg := []byte(`{"event":"client-typing","channel":"private-a","data":{"text":"so \"it\" goes","n":[1,2,3]}}`)
	subscribe := []byte(`{"event":"pusher:subscribe","data":{"auth":"278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4","channel":"private-foobar"}}`)
	token := []byte(`"{\"a\":1}"`)
	data := []byte(`{"a":1}`)
	room := make([]byte, 0, 1024)
	for name, run := range map[string]func(){
		"ParseFrame of a client event": func() { wire.ParseFrame(msg, maxDepth) },
		"ParseFrame of a subscription": func() { wire.ParseFrame(subscribe, maxDepth) },
		"AppendEvent":                  func() { wire.AppendEvent(room, "my-event", "my-channel", token) },
		"Seal":                         func() { wire.Seal(wire.AppendOpenEvent(room, "my-event", "my-channel", token), at("E-1")) },
		"AppendClientEvent":            func() { wire.AppendClientEvent(room, "client-x", "presence-a", data, false, "u1") },
		"AppendMemberAdded":            func() { wire.AppendMemberAdded(room, "presence-a", "u1", data) },
		"AppendError":                  func() { wire.AppendError(room, 4301, "slow down") },
		"AppendQuoted of non-ASCII":    func() { wire.AppendQuoted(room, "Zoë ✓ 🎉\xff") },
		"DecodedLen":                   func() { wire.DecodedLen(token) },
	} {
		if got := testing.AllocsPerRun(200, run); got != 0 {
			t.Errorf("%s allocates %v times, want 0", name, got)
		}
	}
}

func TestSubscriptionIsReadInFewAllocations(t *testing.T) {
	msg := []byte(`{"event":"pusher:subscribe","data":{"auth":"k:s","channel":"presence-a","channel_data":"{\"user_id\":\"u1\"}"}}`)
	// One for each of the three strings, which the session keeps, and one to decode channel_data in.
	if got := testing.AllocsPerRun(200, func() {
		f, _ := wire.ParseFrame(msg, maxDepth)
		if _, err := wire.ParseSubscribe(f.Data); err != nil {
			t.Error(err)
		}
	}); got > 4 {
		t.Errorf("a subscription allocates %v times, want at most 4", got)
	}
}
