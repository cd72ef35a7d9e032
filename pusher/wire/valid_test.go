package wire_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gannet-io/gannet/pusher/wire"
)

// maxDepth is the usual limit.
const maxDepth = 32

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

var notJSON = []string{
	"\"a\x00b\"", "\"a\x1fb\"", "\"a\nb\"", "\"a\tb\"", `"\x"`, `"\u12g4"`, `"\u12"`, `"\U0041"`, `"\'"`, "{\"a\nb\":1}", `{"\x":1}`,
	"", " ", "01", "-01", "-", "+1", "1.", ".5", "1e", "1e+", "0x10", "NaN", "nul", "nulll", "truefalse", "True",
	"[1,]", "[,1]", "[1 2]", "[", "]", "[}", "{]", `{"a":1,}`, `{"a"}`, `{"a" "b"}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{"a":}`,
	"{} x", "{}{}", "{}\x00", "\x00{}", "\f{}", "\v1", "\u00a0{}", "\ufeff{}", `"`, `"\`, `"\"`, `"a`, "/**/1", "1//",
}

var isJSON = []string{
	"0", "-0", "1.5e-3", "1e400", "null", "true", "false", `""`, `"\u0000\/\b\f\n\r\t\"\\"`, `"\ud800"`, "\"\x7f\"", `"[[[["`,
	" \t\r\n{ \"a\" : [ 1 , \"\\\"\" ] } \n", "[]", "{}", nested(maxDepth), strings.Repeat("[]", 0) + "[" + strings.Repeat("[],", 100) + "[]]",
}

func TestValidIsStrict(t *testing.T) {
	for _, s := range notJSON {
		if json.Valid([]byte(s)) {
			t.Fatalf("%q is JSON", s)
		}
		if wire.Valid([]byte(s), maxDepth) == nil {
			t.Errorf("%q was accepted", s)
		}
	}
	for _, s := range isJSON {
		if err := wire.Valid([]byte(s), maxDepth); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// A reader that compares whole words would read on behind the end, where the rest stands.
func TestCutTextsAreRefused(t *testing.T) {
	for _, s := range []string{"true", "false", "null", `[true`, `{"a":false`, `{"a":null}`, `{"a":"` + strings.Repeat("0", 100) + `"}`, `"` + strings.Repeat("0", 100) + `"`} {
		buf := []byte(s + "}]")
		for n := range len(s) {
			if json.Valid(buf[:n]) {
				continue
			}
			if wire.Valid(buf[:n], maxDepth) == nil {
				t.Errorf("%q, cut out of %q, was accepted", buf[:n], s)
			}
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	for _, s := range []string{nested(maxDepth + 1), nested(5000), strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)} {
		if wire.Valid([]byte(s), maxDepth) == nil {
			t.Errorf("%.40q… was accepted", s)
		}
	}
}

func TestRequestBodiesMustBeUTF8(t *testing.T) {
	for _, s := range []string{"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xc3\""} {
		if wire.ValidUTF8([]byte(s), maxDepth) == nil {
			t.Errorf("%q was accepted", s)
		}
	}
	if err := wire.ValidUTF8([]byte(`"Zoë ✓ 🎉"`), maxDepth); err != nil {
		t.Error(err)
	}
}

// Every sequence of up to five pieces that matter to the grammar.
func TestValidAgreesWithEncodingJSONOnEveryShortText(t *testing.T) {
	pieces := []string{"{", "}", "[", "]", ",", ":", `"a"`, `"`, `\`, `\u00`, "0", "1", "-", ".", "e", "+", "true", "nul", " ", "\x01"}
	length := 5
	if testing.Short() {
		length = 4
	}
	accepted := 0
	var grow func(b []byte, left int)
	grow = func(b []byte, left int) {
		want := json.Valid(b)
		if got := wire.Valid(b, maxDepth) == nil; got != want {
			t.Errorf("valid(%q) = %v, want %v", b, got, want)
		}
		if want {
			accepted++
		}
		if left == 0 || t.Failed() {
			return
		}
		for _, piece := range pieces {
			grow(append(b, piece...), left-1)
		}
	}
	grow(make([]byte, 0, 64), length)
	t.Logf("%d texts were JSON", accepted)
}

// depth measures nesting the slow way, over encoding/json's tokens.
func depth(b []byte) (deepest int) {
	d, n := json.NewDecoder(strings.NewReader(string(b))), 0
	for {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			n++
			deepest = max(deepest, n)
		case json.Delim('}'), json.Delim(']'):
			n--
		}
	}
}

func FuzzValidAgreesWithEncodingJSON(f *testing.F) {
	for _, s := range append(notJSON, isJSON...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want := json.Valid(b) && depth(b) <= maxDepth
		if got := wire.Valid(b, maxDepth) == nil; got != want {
			t.Fatalf("valid(%q) = %v, want %v", b, got, want)
		}
		if got := wire.ValidUTF8(b, maxDepth) == nil; got != (want && utf8.Valid(b)) {
			t.Fatalf("validUTF8(%q) = %v, want %v", b, got, want && utf8.Valid(b))
		}
	})
}
