package wire_test

import (
	"testing"

	"github.com/gannet-io/gannet/pusher/wire"
)

func frame(t *testing.T, text, event string) wire.Frame {
	t.Helper()
	f, err := wire.ParseFrame([]byte(text), maxDepth)
	if err != nil || f.Event != event {
		t.Fatalf("%s: event %q, error %v", text, f.Event, err)
	}
	return f
}

func TestSubscribeFramesOfTheVectorsAreRead(t *testing.T) {
	for _, c := range load(t).Channel {
		s, err := wire.ParseSubscribe(frame(t, c.Subscribe, "pusher:subscribe").Data)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		data := ""
		if c.Data != nil {
			data = *c.Data
		}
		if s.Channel != c.Channel || s.Auth != c.Auth || s.ChannelData != data || s.HasChannelData != (c.Data != nil) {
			t.Errorf("%s: got %+v", c.ID, s)
		}
	}
}

func TestSigninFramesOfTheVectorsAreRead(t *testing.T) {
	for _, c := range load(t).User {
		s, err := wire.ParseSignin(frame(t, c.Signin, "pusher:signin").Data)
		if err != nil || s.Auth != c.Auth || s.UserData != c.UserData {
			t.Errorf("%s: got %+v, %v", c.ID, s, err)
		}
	}
}

func TestSubscribeTakesNullForAbsent(t *testing.T) {
	s, err := wire.ParseSubscribe([]byte(`{"auth":null,"channel_data":null,"channel":"a"}`))
	if want := (wire.Subscribe{Channel: "a"}); err != nil || s != want {
		t.Errorf("got %+v, %v, want %+v", s, err, want)
	}
}

func TestSubscribeDataIsMatchedExactly(t *testing.T) {
	s, err := wire.ParseSubscribe([]byte(`{"channel":"a","Channel":"b","ch\u0061nnel":"c\u0041","Auth":"x","channel_data":"","auth":1,"auth":""}`))
	want := wire.Subscribe{Channel: "cA", HasChannelData: true}
	if err != nil || s != want {
		t.Errorf("got %+v, %v, want %+v", s, err, want)
	}
}

func TestOddSubscribeDataIsRefused(t *testing.T) {
	for _, data := range []string{``, `null`, `"x"`, `[]`, `1`, `{}`, `{"channel":1}`, `{"channel":null}`, `{"channel":["a"]}`, `{"Channel":"a"}`} {
		if s, err := wire.ParseSubscribe([]byte(data)); err == nil {
			t.Errorf("subscribe %s: got %+v", data, s)
		}
		if c, err := wire.ParseUnsubscribe([]byte(data)); err == nil {
			t.Errorf("unsubscribe %s: got %q", data, c)
		}
	}
	for _, data := range []string{`{"channel":"a","auth":1}`, `{"channel":"a","auth":{}}`, `{"channel":"a","channel_data":{}}`, `{"channel":"a","channel_data":false}`} {
		if s, err := wire.ParseSubscribe([]byte(data)); err == nil {
			t.Errorf("subscribe %s: got %+v", data, s)
		}
	}
	for _, data := range []string{``, `[]`, `{"auth":1}`, `{"user_data":{}}`} {
		if s, err := wire.ParseSignin([]byte(data)); err == nil {
			t.Errorf("signin %s: got %+v", data, s)
		}
	}
}

func TestUnsubscribeReturnsTheChannel(t *testing.T) {
	if c, err := wire.ParseUnsubscribe(frame(t, `{"event":"pusher:unsubscribe","data":{"channel":"pub"}}`, "pusher:unsubscribe").Data); c != "pub" || err != nil {
		t.Errorf("got %q, %v", c, err)
	}
}

func TestSubscribeStringsOutliveTheMessage(t *testing.T) {
	msg := []byte(`{"event":"pusher:subscribe","data":{"auth":"k:s","channel":"private-a","channel_data":"{}"}}`)
	f, _ := wire.ParseFrame(msg, maxDepth)
	s, err := wire.ParseSubscribe(f.Data)
	clear(msg)
	if want := (wire.Subscribe{Channel: "private-a", Auth: "k:s", ChannelData: "{}", HasChannelData: true}); err != nil || s != want {
		t.Errorf("got %+v, %v, want %+v", s, err, want)
	}
}
