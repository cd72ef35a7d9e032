package history_test

import (
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine/history"
)

func TestPositionsAreReadBackOnlyAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]history.Position{
		"k3v9x2mq-13":            {"k3v9x2mq", 13},
		"k3v9x2mq-0":             {"k3v9x2mq", 0},
		"a-b--7":                 {"a-b-", 7},
		"x-9007199254740991":     {"x", 1<<53 - 1},
		"0123456789abcdef-1":     {"0123456789abcdef", 1},
		"A.z_-1":                 {"A.z_", 1},
		"x-9007199254740992":     {},
		"0123456789abcdefg-1":    {},
		"x-99999999999999999":    {},
		"x-18446744073709551617": {}, "x-01": {}, "x-": {}, "-1": {}, "x": {}, "": {}, "13": {}, "x-1 ": {}, "x-+1": {}, "x-1-": {}, "x-1a": {}, "x 1": {},
		`x"-1`: {}, `x\-1`: {}, "x\n-1": {}, "é-1": {}, "x-１": {}, strings.Repeat("x", 1000) + "-1": {},
	} {
		got, ok := history.Parse(text)
		if ok != (want != history.Position{}) || got != want {
			t.Errorf("Parse(%q) is %v, %v; want %v", text, got, ok, want)
		}
		if ok && got.String() != text {
			t.Errorf("%v is written as %q", got, got.String())
		}
	}
}

func FuzzPositionsAreHarmless(f *testing.F) {
	f.Add("k3v9x2mq-13")
	f.Add("--1")
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := history.Parse(text)
		if !ok {
			return
		}
		if p.String() != text || strings.ContainsAny(text, "\"\\\x00\n<>") || len(text) > history.MaxEpoch+1+16 || p.Offset >= history.MaxOffset {
			t.Errorf("%q is taken for %v", text, p)
		}
	})
}

// FNV-1a's own test vectors: nothing, "a", "foobar".
func TestHashIsTheSameEverywhere(t *testing.T) {
	for text, want := range map[string]uint64{"": 0, "a": 0xaf63dc4c8601ec8c, "foobar": 0x85944171f73967e8} {
		if got := history.Hash(text); got != want {
			t.Errorf("Hash(%q) is %x, want %x", text, got, want)
		}
	}
}
