package plan_test

import (
	"testing"

	"github.com/gannet-io/gannet/loadtest/plan"
)

const stamped = "@lt:00000000075bcd15000000ff00000a00001b"

var stamp = plan.Stamp{At: 123456789, Seq: 255, Publisher: 10, Channel: 27}

func TestStampIsWrittenInHex(t *testing.T) {
	if got := string(plan.AppendData(nil, stamp, 0)); got != stamped {
		t.Errorf("got  %s\nwant %s", got, stamped)
	}
	if got := string(plan.AppendData(nil, stamp, 50)); got != stamped+"the quick " {
		t.Errorf("got %q", got)
	}
	if got := len(plan.AppendData(nil, stamp, 1000)); got != 1000 {
		t.Errorf("%d bytes, want 1000", got)
	}
}

func TestStampIsFoundWhereverTheServerPutsIt(t *testing.T) {
	for _, message := range []string{
		`{"event":"e","channel":"c","data":"` + stamped + `xyz"}`,
		`{"channel":"c","data":"` + stamped + `"}`,
	} {
		for _, hint := range []int{0, 3, 35, 1000} {
			got, at, ok := plan.FindStamp([]byte(message), hint)
			if !ok || got != stamp || message[at:at+4] != plan.Magic {
				t.Errorf("%s with hint %d: %+v at %d, %v", message, hint, got, at, ok)
			}
		}
	}
}

func TestNoStampIsFoundInOtherMessages(t *testing.T) {
	for _, message := range []string{"", `{"event":"pusher:ping"}`, "@lt:", stamped[:39], "@lt:0000000007!bcd15000000ff00000a00001b"} {
		if got, _, ok := plan.FindStamp([]byte(message), 0); ok {
			t.Errorf("%q: found %+v", message, got)
		}
	}
}
