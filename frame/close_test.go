package frame_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/frame"
)

func TestCloseCodesOnTheWire(t *testing.T) {
	valid := map[frame.CloseCode]bool{}
	for _, c := range []frame.CloseCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014} {
		valid[c] = true
	}
	for c := frame.CloseCode(3000); c <= 4999; c++ {
		valid[c] = true
	}
	for c := range 1 << 16 {
		code := frame.CloseCode(c)
		payload := []byte{byte(c >> 8), byte(c)}
		got, reason, err := frame.ParseClose(payload)
		if valid[code] {
			if got != code || reason != "" || err != nil {
				t.Errorf("ParseClose(%x) = %d, %q, %v; want %d", payload, got, reason, err, c)
			}
		} else {
			wantError(t, fmt.Sprintf("ParseClose(%x)", payload), err, 1002, "invalid_close_code")
		}
	}
}

func TestParseCloseJudgesThePayload(t *testing.T) {
	code, reason, err := frame.ParseClose(nil)
	if code != 1005 || reason != "" || err != nil {
		t.Errorf("no payload: %d, %q, %v; want 1005", code, reason, err)
	}
	code, reason, err = frame.ParseClose([]byte("\x03\xe8bye \xe2\x82\xac"))
	if code != 1000 || reason != "bye €" || err != nil {
		t.Errorf("got %d, %q, %v; want 1000, bye €", code, reason, err)
	}
	_, _, err = frame.ParseClose([]byte{0x03})
	wantError(t, "one byte", err, 1002, "close_truncated")
	_, _, err = frame.ParseClose([]byte("\x03\xe8\xe2\x82"))
	wantError(t, "cut rune", err, 1007, "close_invalid_utf8")
	_, _, err = frame.ParseClose([]byte("\x03\xe8\xed\xa0\x80"))
	wantError(t, "surrogate", err, 1007, "close_invalid_utf8")
	_, _, err = frame.ParseClose(append([]byte{0x03, 0xe8}, bytes.Repeat([]byte("x"), 124)...))
	wantError(t, "126 bytes", err, 1002, "control_too_long")
}

func TestAppendCloseWritesAWholeFrame(t *testing.T) {
	x := strings.Repeat("x", 200)
	tests := []struct {
		code   frame.CloseCode
		reason string
		want   string
	}{
		{1000, "", "\x88\x02\x03\xe8"},
		{4009, "Unauthorized", "\x88\x0e\x0f\xa9Unauthorized"},
		{1001, x[:123], "\x88\x7d\x03\xe9" + x[:123]},
		{1001, x[:124], "\x88\x7d\x03\xe9" + x[:123]},
		{1001, x[:122] + "é", "\x88\x7c\x03\xe9" + x[:122]},
		{1001, x[:121] + "é!", "\x88\x7d\x03\xe9" + x[:121] + "é"},
		{1001, x[:120] + "😀", "\x88\x7a\x03\xe9" + x[:120]},
		{1001, "a\xff\xfeb", "\x88\x07\x03\xe9a\xef\xbf\xbdb"},
		{0, "unseen", "\x88\x00"},
		{1005, "unseen", "\x88\x00"},
		{1006, "", "\x88\x00"},
		{1015, "", "\x88\x00"},
	}
	for _, tt := range tests {
		got := frame.AppendClose([]byte("pre"), tt.code, tt.reason)
		if string(got) != "pre"+tt.want {
			t.Errorf("AppendClose(%d, %q) = %q, want %q", tt.code, tt.reason, got[3:], tt.want)
		}
		p := frame.PrepareClose(tt.code, tt.reason)
		if string(p.Bytes()) != tt.want || string(p.Payload()) != tt.want[2:] || p.Len() != len(tt.want) {
			t.Errorf("PrepareClose(%d, %q) = %q, payload %q", tt.code, tt.reason, p.Bytes(), p.Payload())
		}
	}
}
