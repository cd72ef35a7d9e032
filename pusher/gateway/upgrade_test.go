package gateway_test

import (
	"testing"

	"github.com/gannet-io/gannet/pusher/gateway"
)

func TestKeyIsReadFromThePath(t *testing.T) {
	for _, c := range []struct {
		prefix, path string
		key          string // "": refused
	}{
		{"", "/app/key", "key"},
		{"", "/app/key/", "key"},
		{"", "/app/k%65y", "key"},
		{"", "/app/a%2Fb", "a/b"},
		{"", "/app/a+b", "a+b"},
		{"", "/app/%zz", ""},
		{"", "/app/%", ""},
		{"", "/app/key//", ""},
		{"", "/app//key", ""},
		{"", "/app/", ""},
		{"", "/app//", ""},
		{"", "/app", ""},
		{"", "/apps/key", ""},
		{"", "/application/key", ""},
		{"", "app/key", ""},
		{"", "//app/key", ""},
		{"", "/", ""},
		{"", "", ""},
		{"", "/x/app/key", ""},
		{"/x", "/x/app/key", "key"},
		{"/x", "/app/key", ""},
		{"/x", "/xapp/key", ""},
		{"/x/y", "/x/y/app/app", "app"},
	} {
		got, ok := gateway.New(gateway.Config{PathPrefix: c.prefix}).Key(c.path)
		if ok != (c.key != "") || ok && got != c.key {
			t.Errorf("prefix %q, path %q: got %q %v, want %q", c.prefix, c.path, got, ok, c.key)
		}
	}
}

func TestVersionIsChecked(t *testing.T) {
	const (
		fine        = 0
		badVersion  = 4006
		unsupported = 4007
		missing     = 4008
	)
	for _, c := range []struct {
		query        string
		code, strict int
	}{
		{"protocol=7&client=js&version=8.6.0&flash=false", fine, fine},
		{"client=java-client&protocol=5&version=2.4.4", fine, fine},
		{"protocol=4", fine, fine},
		{"protocol=6", fine, fine},
		{"protocol=%37", fine, fine},
		{"", fine, missing},
		{"version=8.6.0", fine, missing},
		{"protocol", fine, missing},
		{"protocol=", fine, missing},
		{"Protocol=3", fine, missing},
		{"protocol=3", unsupported, unsupported},
		{"protocol=8", unsupported, unsupported},
		{"protocol=1&version=1.11", unsupported, unsupported},
		{"protocol=-5", unsupported, unsupported},
		{"protocol=seven", badVersion, badVersion},
		{"protocol=7.0", badVersion, badVersion},
		{"protocol=7%20", badVersion, badVersion},
		{"protocol=0x7", badVersion, badVersion},
		{"protocol=99999999999999999999", unsupported, unsupported},
		{"protocol=7&version=1.0.0-rc.1%2Bbuild.5", fine, fine},
		{"protocol=7&version=1.0.0-rc.1+build.5", fine, fine},
		{"protocol=7&version=", fine, fine},
		{"protocol=7&version=%3Cscript%3E", badVersion, badVersion},
		{"protocol=7&version=%zz", badVersion, badVersion},
		{"protocol=7&version=1%00", badVersion, badVersion},
		{"protocol=7&version=\xff", badVersion, badVersion},
		{"&&=&protocol=7&=x", fine, fine},
		// What stands there twice counts as it stands there last.
		{"protocol=3&protocol=7", fine, fine},
	} {
		for strict, want := range map[bool]int{false: c.code, true: c.strict} {
			got := 0
			if err := gateway.CheckVersion(c.query, strict); err != nil {
				got = err.Code
			}
			if got != want {
				t.Errorf("query %q, strict %v: got %d, want %d", c.query, strict, got, want)
			}
		}
	}
}
