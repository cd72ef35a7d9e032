package natsbus_test

import (
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

// By hand, from the table of ASCII.
func TestTopicsAreEscapedIntoOneToken(t *testing.T) {
	for topic, want := range map[string]string{
		"presence-x;y=1,2@z#_": "presence-x;y=1,2@z#_",
		"a.b":                  "a%2Eb",
		"a b":                  "a%20b",
		"*":                    "%2A",
		">":                    "%3E",
		"%2E":                  "%252E",
		"$JS":                  "%24JS",
		"\x00\xff":             "%00%FF",
		"é":                    "%C3%A9",
		"1\x00news":            "1%00news",
		"":                     "%%e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", // FIPS 180-4's own: of nothing
	} {
		if got := natsbus.Token(topic); got != want {
			t.Errorf("%q is %q, want %q", topic, got, want)
		}
	}
	if got := natsbus.Token(strings.Repeat("x", 2049)); len(got) != 66 || got[:2] != "%%" {
		t.Errorf("a topic of 2049 bytes is %q, want a hash", got)
	}
}

func FuzzTokensAreSafeAndDiffer(f *testing.F) {
	f.Add("a.b", "a%2Eb")
	f.Add("%%", "")
	f.Fuzz(func(t *testing.T, x, y string) {
		a, b := natsbus.Token(x), natsbus.Token(y)
		if (a == b) != (x == y) {
			t.Errorf("%q is %q and %q is %q", x, a, y, b)
		}
		if a == "" || len(a) > 2048 || strings.ContainsAny(a, ".*> \t\r\n\x00$") {
			t.Errorf("%q is %q", x, a)
		}
	})
}
