package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/wire"
)

func TestQuotingIsMinimal(t *testing.T) {
	for in, want := range map[string]string{
		"":                  `""`,
		"a":                 `"a"`,
		`"\/`:               `"\"\\/"`,
		"\x00\x01\x1f\x7f":  "\"\\u0000\\u0001\\u001f\x7f\"",
		"\b\f\n\r\t":        `"\b\f\n\r\t"`,
		"<>&\u2028\u2029":   "\"<>&\u2028\u2029\"",
		"Zoë ✓ 🎉":           `"Zoë ✓ 🎉"`,
		"a\xffb\xc3":        `"a\ufffdb\ufffd"`,
		"\xed\xa0\x80":      `"\ufffd\ufffd\ufffd"`,
		"\ufffd":            "\"\ufffd\"",
		"\xf0\x9f\x8e":      `"\ufffd\ufffd\ufffd"`,
		"\xf0\x9f\x8e\"end": `"\ufffd\ufffd\ufffd\"end"`,
	} {
		if got := string(wire.AppendQuoted(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
		if got := string(wire.AppendQuoted([]byte("kept"), []byte(in))); got != "kept"+want {
			t.Errorf("%q as bytes: got %s, want kept%s", in, got, want)
		}
	}
}

func TestDataTokenKeepsStringsAndQuotesTheRest(t *testing.T) {
	for raw, want := range map[string]string{
		`"a\u0041\/"`: `"a\u0041\/"`,
		`{"a":"\n"}`:  `"{\"a\":\"\\n\"}"`,
		`1.50`:        `"1.50"`,
		`null`:        `"null"`,
		`[]`:          `"[]"`,
	} {
		if got := string(wire.AppendDataToken(nil, []byte(raw))); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}

func TestDecodedLenCountsBytesOfUTF8(t *testing.T) {
	for token, want := range map[string]int{
		`""`: 0, `"abc"`: 3, `"é"`: 2, `"🎉"`: 4, `"\u0041"`: 1, `"\u00e9"`: 2, `"\u20AC"`: 3, `"\ud83c\udf89"`: 4, `"\uD83C\uDF89x"`: 5,
		`"\ud83c"`: 3, `"\udf89\ud83c"`: 6, `"\ud83c\ud83c\udf89"`: 7, `"\ud83c\n"`: 4, `"\"\\\/\b\f\n\r\t"`: 8, `"\u0000"`: 1, `"\\u0041"`: 6,
		``: 0, `"`: 0, `null`: 0, `{"a":1}`: 0,
	} {
		if got := wire.DecodedLen([]byte(token)); got != want {
			t.Errorf("DecodedLen(%s) = %d, want %d", token, got, want)
		}
	}
}

func FuzzQuotedTextComesBack(f *testing.F) {
	f.Add("a\"b\\c\n\x00é🎉\xff")
	f.Fuzz(func(t *testing.T, s string) {
		token := wire.AppendQuoted(nil, s)
		var back string
		if err := json.Unmarshal(token, &back); err != nil {
			t.Fatalf("%q: %v in %s", s, err, token)
		}
		// One U+FFFD for each bad byte, the same as ranging over the string gives.
		var want strings.Builder
		for _, r := range s {
			want.WriteRune(r)
		}
		if back != want.String() {
			t.Fatalf("%q came back as %q", s, back)
		}
		if got := wire.DecodedLen(token); got != len(back) {
			t.Fatalf("%s: DecodedLen %d, want %d", token, got, len(back))
		}
		if wire.ValidUTF8(token, maxDepth) != nil {
			t.Fatalf("%s is not valid", token)
		}
		// A JSON text quoted in place must be what AppendQuoted makes of it.
		inner := append([]byte(`{"a":[ `), token...)
		inner = append(inner, "\r\n\t]}"...)
		want2 := string(wire.AppendQuoted(nil, inner))
		if got := string(wire.EscapeFrom(append([]byte(`"`), inner...), 1)) + `"`; got != want2 {
			t.Fatalf("in place %s\nwant     %s", got, want2)
		}
	})
}

func FuzzDecodedLenAgreesWithEncodingJSON(f *testing.F) {
	f.Add([]byte(`"\ud83c\udf89\ud83cx\u0000é\/"`))
	f.Fuzz(func(t *testing.T, token []byte) {
		if wire.ValidUTF8(token, maxDepth) != nil || token[0] != '"' || token[len(token)-1] != '"' {
			t.Skip("no string token")
		}
		var s string
		if err := json.Unmarshal(token, &s); err != nil {
			t.Fatal(err)
		}
		if got := wire.DecodedLen(token); got != len(s) {
			t.Fatalf("DecodedLen(%s) = %d, want %d", token, got, len(s))
		}
	})
}
