package trace_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/trace"
)

// The example of W3C Trace Context, §3.2.3.
const example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestParseReadsTheExampleOfTheSpecification(t *testing.T) {
	c, ok := trace.Parse([]byte(example), []byte("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"))
	if !ok || hex.EncodeToString(c.Trace[:]) != "4bf92f3577b34da6a3ce929d0e0e4736" || hex.EncodeToString(c.Span[:]) != "00f067aa0ba902b7" ||
		!c.Sampled() || c.State != "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE" {
		t.Errorf("%+v, %v", c, ok)
	}
}

func TestParseTellsGoodFromBad(t *testing.T) {
	for _, tt := range []struct {
		parent      string
		ok, sampled bool
	}{
		{example, true, true},
		{strings.TrimSuffix(example, "01") + "00", true, false},
		{strings.TrimSuffix(example, "01") + "02", true, false},
		{strings.TrimSuffix(example, "01") + "ff", true, true},
		{"cc" + example[2:], true, true},                 // a later version
		{"cc" + example[2:] + "-what-comes", true, true}, // with more in it
		{"cc" + example[2:] + ".what", false, false},
		{"ff" + example[2:], false, false},
		{example + "-00", false, false},
		{example[:54], false, false},
		{"", false, false},
		{strings.ToUpper(example), false, false},
		{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false, false},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false, false},
		{"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", false, false},
		{"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", false, false},
	} {
		c, ok := trace.Parse([]byte(tt.parent), nil)
		if ok != tt.ok || c.Sampled() != tt.sampled {
			t.Errorf("%q: %v, sampled %v", tt.parent, ok, c.Sampled())
		}
	}
}

func TestBadStateIsLeftOutAlone(t *testing.T) {
	for state, kept := range map[string]bool{
		"a=1":                             true,
		"a=1, b=2":                        true,
		"fw529a3039@dt=FfAAA=":            false,
		"no":                              false,
		"a=1\r\nx: y":                     false,
		"A=1":                             false,
		strings.Repeat("a=1,", 32):        true,
		strings.Repeat("a=1,", 33):        false,
		"a=" + strings.Repeat("x", 256):   true,
		"a=" + strings.Repeat("x", 257):   false,
		strings.Repeat("a=xxxxxxxx,", 60): false,
	} {
		c, ok := trace.Parse([]byte(example), []byte(state))
		if want := map[bool]string{true: state}[kept]; !ok || c.State != want {
			t.Errorf("%q: %v, state %q", state, ok, c.State)
		}
	}
}

func TestContextGoesFromNodeToNode(t *testing.T) {
	c, _ := trace.Parse([]byte(example), []byte("a=1"))
	wire := c.Append(nil)
	if got, want := hex.EncodeToString(wire), "4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b701"+hex.EncodeToString([]byte("a=1")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if back, ok := trace.ParseContext(wire); !ok || back != c {
		t.Errorf("%+v, %v", back, ok)
	}
	for n := range 25 {
		if _, ok := trace.ParseContext(wire[:n]); ok {
			t.Errorf("%d bytes are a context", n)
		}
	}
	if _, ok := trace.ParseContext(make([]byte, 25)); ok {
		t.Error("zero ids are a context")
	}
}

// Whatever stands in a header, what is handed on is what came or nothing.
func FuzzTraceHeaders(f *testing.F) {
	f.Add([]byte(example), []byte("a=1,b=2"))
	f.Add([]byte("cc"+example[2:]+"-x"), []byte("a"))
	f.Fuzz(func(t *testing.T, parent, state []byte) {
		c, ok := trace.Parse(parent, state)
		if !ok {
			if c != (trace.Context{}) {
				t.Fatalf("%+v of a bad one", c)
			}
			return
		}
		if string(parent[3:35]) != hex.EncodeToString(c.Trace[:]) || string(parent[36:52]) != hex.EncodeToString(c.Span[:]) {
			t.Fatalf("%q gives %+v", parent, c)
		}
		if c.State != "" && c.State != strings.Trim(string(state), " \t") {
			t.Fatalf("%q gives %q", state, c.State)
		}
		if back, ok := trace.ParseContext(c.Append(nil)); !ok || back != c {
			t.Fatalf("%+v comes back as %+v", c, back)
		}
	})
}
