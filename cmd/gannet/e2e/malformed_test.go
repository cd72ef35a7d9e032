//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// sameEvent reports whether a message has this event name.
func sameEvent(text, name string) bool {
	var message struct{ Event string }
	return json.Unmarshal([]byte(text), &message) == nil && message.Event == name
}

// A bystander is on the channel that a test misbehaves on, and must not notice.
func bystander(t *testing.T, channel string) (check func()) {
	t.Helper()
	c := connect(t, chatty)
	c.join(chatty, channel)
	return func() {
		t.Helper()
		if err := backend(chatty).Trigger(channel, "fence", "x"); err != nil {
			t.Fatal(err)
		}
		c.expect(event("fence", channel, "x"))
		c.fence()
	}
}

func TestMalformedMessagesAreErrorsOnAnOpenConnection(t *testing.T) {
	channel := fresh("private-malformed")
	unharmed := bystander(t, channel)
	c := connect(t, chatty)
	c.join(chatty, channel)
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for _, message := range []string{
		``, `x`, `{`, `{}`, `[]`, `null`, `1`, `"pusher:ping"`, `{"event":`, `{"event":1}`, `{"event":null}`, `{"event":{}}`, `{"event":""}`,
		`{"event":"pusher:ping"} {}`, `{'event':'pusher:ping'}`, `{"Event":"pusher:ping"}`, `{"event":"pusher:subscribe"}`,
		`{"event":"pusher:subscribe","data":{}}`, `{"event":"pusher:subscribe","data":"{\"channel\":5}"}`, `{"event":"pusher:subscribe","data":{"channel":1}}`,
		`{"event":"pusher:subscribe","data":{"channel":["a"]}}`, `{"event":"pusher:subscribe","data":[]}`, `{"event":"pusher:unsubscribe","data":7}`,
		`{"event":"pusher:signin","data":null}`, `{"event":"pusher:nothing","data":{}}`, `{"event":"unknown","data":{}}`,
		`{"event":"pusher:error","data":{"code":4001,"message":"x"}}`, `{"event":"pusher_internal:member_added","channel":"` + channel + `","data":"{}"}`,
		`{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":"{}"}`,
		`{"event":"client-e","channel":1,"data":{}}`, `{"event":"client-e","channel":"` + channel + `","data":` + deep + `}`,
		`{"event":"client-e","channel":"` + channel + `","data":"` + "\x01" + `"}`, `{"event":"client-e","channel":"` + channel + `","data":01}`,
		`{"event":"` + strings.Repeat("x", 20000) + `"}`, "\ufeff" + `{"event":"pusher:ping"}`,
	} {
		c.send(message)
		if text := c.read(); !sameEvent(text, "pusher:error") {
			t.Errorf("sent %.100q: got %s, want a pusher:error", message, text)
		}
	}
	c.send(`{"event":"unknown\"é","data":{}}`)
	if got, want := c.expectError(0), `Unsupported event received on socket: 'unknown"é'`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.fence()
	unharmed()
}

func TestPingsAreAnsweredWhateverTheyCarry(t *testing.T) {
	c := connect(t, quiet)
	for _, ping := range []string{`{"event":"pusher:ping"}`, `{"event":"pusher:ping","data":null}`, `{"event":"pusher:ping","data":"{}"}`, "\n {\t\"data\":{} ,\"event\" : \"pusher\\u003aping\"}\r\n"} {
		c.send(ping)
		c.expect(`{"event":"pusher:pong","data":"{}"}`)
	}
	c.send(`{"event":"pusher:pong","data":{}}`)
	c.fence()
}

func TestOfDuplicateMembersTheLastOneCounts(t *testing.T) {
	c := connect(t, quiet)
	one, two := fresh("dup"), fresh("dup")
	c.sendf(`{"event":"x","event":"pusher:subscribe","Event":"y","data":{"channel":%q,"channel":%q,"Channel":"z"}}`, one, two)
	c.expect(succeeded(two))
}

func TestBadFramesCloseOneConnectionWithTheCodeOfTheRFC(t *testing.T) {
	masked := func(b0, b1 byte, payload string) []byte { return append([]byte{b0, 0x80 | b1, 0, 0, 0, 0}, payload...) }
	long := strings.Repeat("x", 126)
	for _, c := range []struct {
		name string
		sent []byte
		code int
	}{
		{"unmasked text", []byte("\x81\x02{}"), 1002},
		{"first reserved bit", masked(0xc1, 2, "{}"), 1002},
		{"second reserved bit", masked(0xa1, 2, "{}"), 1002},
		{"third reserved bit", masked(0x91, 2, "{}"), 1002},
		{"reserved data opcode", masked(0x83, 2, "{}"), 1002},
		{"reserved control opcode", masked(0x8b, 2, "{}"), 1002},
		{"fragmented ping", masked(0x09, 0, ""), 1002},
		{"ping of 126 bytes", append([]byte{0x89, 0xfe, 0, 126, 0, 0, 0, 0}, long...), 1002},
		{"two bytes for a length that needs none", append([]byte{0x81, 0xfe, 0, 2, 0, 0, 0, 0}, "{}"...), 1002},
		{"eight bytes for a length that needs two", append([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 126, 0, 0, 0, 0}, long...), 1002},
		{"a length with the top bit", []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1002},
		{"continuation of nothing", masked(0x80, 2, "{}"), 1002},
		{"text within a text", append(masked(0x01, 1, "{"), masked(0x81, 1, "}")...), 1002},
		{"close with one byte", masked(0x88, 1, "\x03"), 1002},
		{"close with 1005", masked(0x88, 2, "\x03\xed"), 1002},
		{"close with 999", masked(0x88, 2, "\x03\xe7"), 1002},
		{"close reason that is no UTF-8", masked(0x88, 3, "\x03\xe8\xff"), 1007},
		{"binary", masked(0x82, 2, "{}"), 1003},
		{"text that is no UTF-8", masked(0x81, 3, "\"\xff\""), 1007},
		{"a surrogate", masked(0x81, 5, "\"\xed\xa0\x80\""), 1007},
		{"a rune cut off", masked(0x81, 3, "\"\xc3\""), 1007},
		{"a rune cut off by the end of a fragmented text", append(masked(0x01, 2, "\"\xc3"), masked(0x80, 1, "\"")...), 1007},
		// The header alone announces more than limits.message_bytes, 64 KiB.
		{"too big", []byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0}, 1009},
		{"enormous", []byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 1009},
	} {
		t.Run(c.name, func(t *testing.T) {
			channel := fresh("frames")
			unharmed := bystander(t, channel)
			bad := connect(t, chatty)
			bad.join(chatty, channel)
			bad.write(c.sent)
			bad.expectClose(c.code)
			unharmed()
		})
	}
}

func TestTooBigInFragmentsIsTooBig(t *testing.T) {
	c := connect(t, quiet)
	piece := []byte(strings.Repeat("x", 40_000))
	c.sendFrame(ws.NewFrame(ws.OpText, false, piece))
	c.sendFrame(ws.NewFrame(ws.OpContinuation, true, piece))
	c.expectClose(1009)
}

func TestFragmentsAndControlFramesMix(t *testing.T) {
	c := connect(t, quiet)
	channel := fresh("fragments-é")
	channel = strings.ReplaceAll(channel, "é", "e")
	message := `{"event":"pusher:subscribe","x":"é","data":{"channel":"` + channel + `"}}`
	// Every byte is a fragment, so the é is cut too; in the middle comes a ping.
	for i := range len(message) {
		op := ws.OpContinuation
		if i == 0 {
			op = ws.OpText
		}
		c.sendFrame(ws.NewFrame(op, i == len(message)-1, []byte{message[i]}))
		if i == len(message)/2 {
			c.sendFrame(ws.NewPingFrame([]byte("are you there?")))
		}
	}
	if f := c.frame(); f.Header.OpCode != ws.OpPong || string(f.Payload) != "are you there?" {
		t.Errorf("got opcode %d %q, want a pong", f.Header.OpCode, f.Payload)
	}
	c.expect(succeeded(channel))
}

func TestFramesMayArriveByteByByteOrManyAtOnce(t *testing.T) {
	c := connect(t, quiet)
	one, two := fresh("bytes"), fresh("bytes")
	frame := func(channel string) []byte {
		return ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`))))
	}
	for _, b := range frame(one) {
		c.write([]byte{b})
	}
	c.expect(succeeded(one))
	var many []byte
	var want []string
	for range 200 {
		channel := fresh("many")
		many = append(many, frame(channel)...)
		want = append(want, succeeded(channel))
	}
	c.write(append(many, frame(two)...))
	c.expect(append(want, succeeded(two))...)
}

func TestAClientsCloseIsAnsweredWithItsCode(t *testing.T) {
	for _, code := range []ws.StatusCode{1000, 1001, 3000, 4999} {
		c := connect(t, quiet)
		c.sendFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(code, "bye")))
		f := c.frame()
		if got, _ := ws.ParseCloseFrameData(f.Payload); f.Header.OpCode != ws.OpClose || got != code {
			t.Errorf("sent close %d, got opcode %d code %d", code, f.Header.OpCode, got)
		}
		c.expectEnd()
	}
	c := connect(t, quiet)
	c.sendFrame(ws.NewCloseFrame(nil))
	if f := c.frame(); f.Header.OpCode != ws.OpClose {
		t.Errorf("sent a close without code, got opcode %d", f.Header.OpCode)
	}
	c.expectEnd()
}
