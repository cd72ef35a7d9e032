package cluster_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/cluster"
)

// What is on the wire stays: nodes of different versions read each other.
func TestEnvelopeIsWhatItWasOnTheWire(t *testing.T) {
	for _, c := range []struct {
		e    cluster.Envelope
		wire string
	}{
		{cluster.Envelope{Kind: cluster.KindEvent}, "\x01\x01"},
		{cluster.Envelope{Kind: cluster.KindClient, Except: []byte("1.2"), Event: []byte("e"), Body: []byte(`{}`)}, "\x01\x02\x02\x031.2\x03\x01e\x07\x02{}"},
		{cluster.Envelope{Kind: cluster.KindTerminate, User: []byte("u"), App: []byte("shop")}, "\x01\x03\x05\x01u\x06\x04shop"},
		{cluster.Envelope{Kind: cluster.KindEvent, Flags: cluster.FlagCached | 1<<7, ID: []byte("k"), Time: -2}, "\x01\x01\x01\x02\x81\x01\x04\x01k\x08\x01\x03"},
		{cluster.Envelope{Kind: 200, Body: bytes.Repeat([]byte("x"), 300)}, "\x01\xc8\x07\xac\x02" + strings.Repeat("x", 300)},
	} {
		if got := c.e.Append([]byte("before")); string(got) != "before"+c.wire {
			t.Errorf("%+v\n got %q\nwant %q", c.e, got[6:], c.wire)
		}
		if got, err := cluster.ParseEnvelope([]byte(c.wire)); err != nil || !reflect.DeepEqual(got, c.e) {
			t.Errorf("%q\n got %+v, %v\nwant %+v", c.wire, got, err, c.e)
		}
	}
}

func TestEnvelopeCutShortIsRefusedOrWhole(t *testing.T) {
	e := cluster.Envelope{Kind: cluster.KindEvent, Except: []byte("12.34"), Event: []byte("price"), Body: []byte(`{"a":1}`), Time: 1 << 40}
	wire := e.Append(nil)
	whole := map[int]bool{2: true, 9: true, 16: true, 25: true, len(wire): true} // between two fields
	for n := range len(wire) + 1 {
		if _, err := cluster.ParseEnvelope(wire[:n]); (err == nil) != whole[n] {
			t.Errorf("%d bytes of %d: %v", n, len(wire), err)
		}
	}
}

func TestEnvelopeOfANewerNode(t *testing.T) {
	// Fields 10 and 300 are not known here.
	got, err := cluster.ParseEnvelope([]byte("\x01\x01\x0a\x03new\x03\x01e\xac\x02\x00\x07\x01b"))
	if want := (cluster.Envelope{Kind: cluster.KindEvent, Event: []byte("e"), Body: []byte("b")}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestBadEnvelopesAreRefused(t *testing.T) {
	for what, wire := range map[string]string{
		"nothing":                 "",
		"no kind":                 "\x01",
		"a later version":         "\x02\x01",
		"field 0":                 "\x01\x01\x00\x01x",
		"a field twice":           "\x01\x01\x03\x01e\x03\x01f",
		"no length":               "\x01\x01\x03",
		"longer than the rest":    "\x01\x01\x03\x05e",
		"a length of 2^64-1":      "\x01\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01e",
		"a number that overflows": "\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01e",
		"flags with a tail":       "\x01\x01\x01\x02\x01\x00",
		"flags without an end":    "\x01\x01\x01\x01\x80",
		"empty flags":             "\x01\x01\x01\x00",
		"an empty time":           "\x01\x01\x08\x00",
	} {
		if e, err := cluster.ParseEnvelope([]byte(wire)); !errors.Is(err, cluster.ErrEnvelope) {
			t.Errorf("%s: %+v, %v", what, e, err)
		}
	}
}

// Whatever comes in, what was understood of it says the same when it is written again.
func FuzzEnvelope(f *testing.F) {
	f.Add([]byte("\x01\x01"))
	f.Add([]byte("\x01\x02\x02\x031.2\x03\x01e\x07\x02{}"))
	f.Add([]byte("\x01\x01\x09\x03new\x03\x01e\xac\x02\x00\x08\x01b"))
	f.Add([]byte("\x01\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01e"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := cluster.ParseEnvelope(b)
		if err != nil {
			return
		}
		wire := e.Append(nil)
		again, err := cluster.ParseEnvelope(wire)
		if err != nil {
			t.Fatalf("%q was read as %+v, but what that is written as is not: %q", b, e, wire)
		}
		if !bytes.Equal(again.Append(nil), wire) {
			t.Fatalf("%q\n%q", wire, again.Append(nil))
		}
	})
}
