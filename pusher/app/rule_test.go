package app_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gannet-io/gannet/pusher/app"
)

func ruled(patterns ...string) *app.App {
	a := good()
	for _, p := range patterns {
		a.Rules = append(a.Rules, app.Rule{Match: p})
	}
	return a
}

func TestTheFirstRuleThatMatchesCounts(t *testing.T) {
	a := ruled("ticker-eu-*", "ticker-*", "*-log", "private-*-room-*", "exactly", "a*b*a")
	for channel, want := range map[string]string{
		"ticker-eu-1": "ticker-eu-*", "ticker-eu-": "ticker-eu-*", "ticker-eu": "ticker-*", "ticker-": "ticker-*", "ticker": "",
		"my-log": "*-log", "-log": "*-log", "my-log-": "", "ticker-log": "ticker-*",
		"private-x-room-1": "private-*-room-*", "private-x-room": "", "private--room-": "private-*-room-*", "private-a-room-b-room-c": "private-*-room-*",
		"exactly": "exactly", "exactly-": "", "Exactly": "",
		"aba": "a*b*a", "ab": "", "a": "", "aa": "", "abba": "a*b*a", "abab": "", "ababa": "a*b*a",
	} {
		got := ""
		if r := a.Rule(channel); r != nil {
			got = r.Match
		}
		if got != want {
			t.Errorf("Rule(%q) is %q, want %q", channel, got, want)
		}
	}
	if r := good().Rule("x"); r != nil {
		t.Errorf("an app without rules has %v", r)
	}
}

func TestRulesThatCannotBeAreRefused(t *testing.T) {
	for want, r := range map[string]app.Rule{
		"matches nothing":    {},
		"unknown permission": {Match: "x", ClientEvents: 3},
		"unknown keys":       {Match: "x", Key: 2},
		"unknown policy":     {Match: "x", Slow: 3},
		"marks that cannot":  {Match: "x", Slow: app.Conflate, HighWater: 1, LowWater: 2},
		"negative limit":     {Match: "x", History: app.History{Events: -1}},
	} {
		a := good()
		a.Rules = []app.Rule{{Match: "*"}, r}
		if err := a.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check = %v, want an error with %q", err, want)
		}
	}
	if err := ruled("*").Check(); err != nil {
		t.Error(err)
	}
}

func TestClientEventsAreTheAppsUnlessTheRuleSaysOtherwise(t *testing.T) {
	for _, byApp := range []bool{false, true} {
		a := &app.App{ClientEvents: byApp}
		for rule, want := range map[*app.Rule]bool{
			nil:                       byApp,
			{}:                        byApp,
			{ClientEvents: app.Allow}: true,
			{ClientEvents: app.Deny}:  false,
		} {
			if got := a.MayHaveClientEvents(rule); got != want {
				t.Errorf("app %v, rule %+v: %v", byApp, rule, got)
			}
		}
	}
}

// Patterns agree with the regular expressions that they stand for.
func FuzzPatternsAgreeWithRegularExpressions(f *testing.F) {
	f.Add("a*b*a", "abbaaba")
	f.Add("***", "")
	f.Add("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaa")
	f.Add("x*", "xyz")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if pattern == "" || len(pattern) > 40 || len(name) > 40 {
			return
		}
		if !utf8.ValidString(pattern) || !utf8.ValidString(name) {
			return // a dot is a whole character to regexp, and no configuration has such a pattern
		}
		a := ruled(pattern)
		want := regexp.MustCompile(`(?s)\A` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `\z`)
		if got := a.Rule(name) != nil; got != want.MatchString(name) {
			t.Errorf("%q matches %q: %v", pattern, name, got)
		}
	})
}

func TestLookingUpARuleAllocatesNothing(t *testing.T) {
	a := ruled("private-*-room-*", "*-log", "ticker-*")
	if n := testing.AllocsPerRun(100, func() { a.Rule("ticker-12"); a.Rule("nothing") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRule(b *testing.B) {
	a := ruled("private-*-room-*", "*-log", "ticker-*")
	b.ReportAllocs()
	for b.Loop() {
		a.Rule("ticker-AAPL-usd")
	}
}
