package deflate_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/frame/deflate"
)

func TestNegotiateTakesTheFirstOfferItCanKeepTo(t *testing.T) {
	const plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, tt := range []struct {
		offers string
		bits   uint8
		answer string
	}{
		{"", 0, ""},
		{"permessage-deflate", 15, plain},
		// What browsers and node's ws offer.
		{"permessage-deflate; client_max_window_bits", 15, plain},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", 15, plain},
		{"permessage-deflate;client_max_window_bits=8 ; server_max_window_bits=10", 10, plain + "; server_max_window_bits=10"},
		// RFC 7692 §7.1.2.1: accepting means answering with the same or a smaller one, 15 too.
		{"permessage-deflate; server_max_window_bits=15", 15, plain + "; server_max_window_bits=15"},
		{"permessage-deflate; server_max_window_bits=8", 8, plain + "; server_max_window_bits=8"},
		{`permessage-deflate; server_max_window_bits="9"`, 9, plain + "; server_max_window_bits=9"},
		{`permessage-deflate; server_max_window_bits="1\2"`, 12, plain + "; server_max_window_bits=12"},
		{"\tpermessage-deflate ; client_max_window_bits = 9\t,,", 15, plain},

		// §7.1: declined, and the next one looked at.
		{"permessage-deflate; server_max_window_bits", 0, ""},
		{"permessage-deflate; server_max_window_bits=7", 0, ""},
		{"permessage-deflate; server_max_window_bits=16", 0, ""},
		{"permessage-deflate; server_max_window_bits=010", 0, ""},
		{"permessage-deflate; server_max_window_bits=08", 0, ""},
		{"permessage-deflate; server_max_window_bits=9x", 0, ""},
		{"permessage-deflate; server_max_window_bits=110", 0, ""},
		{"permessage-deflate; client_max_window_bits=7", 0, ""},
		{"permessage-deflate; client_no_context_takeover=true", 0, ""},
		{"permessage-deflate; server_no_context_takeover=1", 0, ""},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits", 0, ""},
		{"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", 0, ""},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", 0, ""},
		{"permessage-deflate; unknown", 0, ""},
		{"permessage-deflate; Client_max_window_bits", 0, ""},
		{"permessage-deflate; server_max_window_bits=9; unknown=1, permessage-deflate; server_max_window_bits=11", 11, plain + "; server_max_window_bits=11"},
		{"permessage-deflate; server_max_window_bits=7, permessage-deflate", 15, plain},
		{"permessage-deflate; server_max_window_bits=12, permessage-deflate", 12, plain + "; server_max_window_bits=12"},

		// Others are passed over.
		{"x-webkit-deflate-frame", 0, ""},
		{"permessage-deflated, permessage-bzip2; a=b; c=\"d\", permessage-deflate", 15, plain},
		{"Permessage-Deflate", 0, ""},
	} {
		a, err := deflate.Negotiate([]byte(tt.offers))
		if err != nil || a.Bits != tt.bits || a.Answer() != tt.answer {
			t.Errorf("%q: %d bits, %q, %v; want %d, %q", tt.offers, a.Bits, a.Answer(), err, tt.bits, tt.answer)
		}
	}
}

func TestNegotiateRefusesWhatIsNoList(t *testing.T) {
	for _, offers := range []string{
		";", "permessage-deflate;", "permessage-deflate; =1", "permessage-deflate; a=", "permessage-deflate; a=;b", "a b",
		"permessage-deflate; a b", `a; b="`, `a; b=""`, `a; b="c d"`, `a; b="c`, `a; b="c"d`, `a; b="c\`, `a; b="\"`, "a=b", "permessage-deflate, \x00", "(a)",
	} {
		if a, err := deflate.Negotiate([]byte(offers)); !errors.Is(err, deflate.ErrMalformed) || a != (deflate.Agreement{}) {
			t.Errorf("%q: %v, %v; want ErrMalformed", offers, a, err)
		}
	}
}

func TestNegotiatingAllocatesNothing(t *testing.T) {
	offers := []byte("permessage-deflate; client_max_window_bits; server_max_window_bits=10")
	if n := testing.AllocsPerRun(100, func() {
		if a, _ := deflate.Negotiate(offers); a.Answer() == "" {
			t.Fatal("declined")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// list is the grammar of RFC 6455 §9.1 with the empty elements of RFC 9110 §5.6.1; a quoted value is a token again.
var list = func() *regexp.Regexp {
	const (
		token  = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
		quoted = `"(\\?[!#$%&'*+.^_` + "`" + `|~0-9A-Za-z-])+"`
		param  = token + `([ \t]*=[ \t]*(` + token + "|" + quoted + "))?"
		offer  = token + `([ \t]*;[ \t]*` + param + ")*"
	)
	return regexp.MustCompile(`^[ \t,]*(` + offer + `([ \t]*,[ \t,]*` + offer + `)*)?[ \t,]*$`)
}()

// windowOf is Negotiate, the slow and plain way, for what list matches.
func windowOf(offers string) uint8 {
	for offer := range strings.SplitSeq(offers, ",") {
		parts := strings.Split(offer, ";")
		params := map[string]string{}
		for i := range parts {
			name, value, has := strings.Cut(parts[i], "=")
			if name = strings.Trim(name, " \t"); has {
				value = "=" + strings.NewReplacer(`"`, "", `\`, "").Replace(strings.Trim(value, " \t"))
			}
			if _, twice := params[name]; twice {
				name = "twice"
			}
			params[name] = value
		}
		window := regexp.MustCompile("^=(8|9|1[0-5])$")
		for name, value := range params {
			switch name {
			case strings.Trim(parts[0], " \t"):
				if name == "permessage-deflate" {
					continue
				}
			case "server_no_context_takeover", "client_no_context_takeover":
				if value == "" {
					continue
				}
			case "client_max_window_bits":
				if value == "" || window.MatchString(value) {
					continue
				}
			case "server_max_window_bits":
				if window.MatchString(value) {
					continue
				}
			}
			params = nil
		}
		if params == nil {
			continue
		}
		bits, err := strconv.Atoi(strings.TrimPrefix(params["server_max_window_bits"], "="))
		if err != nil {
			bits = 15
		}
		return uint8(bits)
	}
	return 0
}

// FuzzNegotiate holds Negotiate against the grammar as a regular expression and the rules as maps.
func FuzzNegotiate(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits")
	f.Add(`a; b="c", permessage-deflate; server_max_window_bits=10;server_no_context_takeover`)
	f.Add("permessage-deflate; server_max_window_bits=9; unknown, permessage-deflate; client_max_window_bits=\"1\\2\"")
	f.Add(`permessage-deflate; a; a,, permessage-deflate ; server_max_window_bits = 8`)
	f.Fuzz(func(t *testing.T, offers string) {
		a, err := deflate.Negotiate([]byte(offers))
		if good := list.MatchString(offers); good != (err == nil) {
			t.Fatalf("%q: %v; a list: %v", offers, err, good)
		}
		if err != nil {
			if a.Answer() != "" {
				t.Errorf("%q: %v, and answers %q", offers, err, a.Answer())
			}
			return
		}
		if want := windowOf(offers); a.Bits != want {
			t.Errorf("%q: a window of %d, want %d", offers, a.Bits, want)
		}
	})
}
