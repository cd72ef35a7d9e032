package rest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/rest"
)

func TestScriptsAreServedToAnyPage(t *testing.T) {
	l := start(t, func(_ *lab, c *rest.Config) { c.PathPrefix = "/realtime" })
	for _, name := range []string{"resume.js", "resume.mjs"} {
		want, err := os.ReadFile("../resume/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/" + name, "/realtime/" + name, "/" + name + "?v=1"} {
			got := l.send("GET", path, "", "Origin: https://shop.example")
			if got.status != 200 || got.body != string(want) {
				t.Fatalf("GET %s: %d with %d bytes, want 200 with the file's %d", path, got.status, len(got.body), len(want))
			}
			for header, value := range map[string]string{
				"Content-Type":                 "text/javascript; charset=utf-8",
				"Access-Control-Allow-Origin":  "*",
				"Cross-Origin-Resource-Policy": "cross-origin",
				"Cache-Control":                "public, max-age=3600",
				"X-Content-Type-Options":       "nosniff",
			} {
				if got.header.Get(header) != value {
					t.Errorf("GET %s: %s is %q, want %q", path, header, got.header.Get(header), value)
				}
			}
		}
	}
}

func TestScriptsAreNotSentTwice(t *testing.T) {
	l := start(t, nil)
	tag := l.send("HEAD", "/resume.js", "").header.Get("ETag")
	if len(tag) != 18 || tag[0] != '"' || tag[17] != '"' { // 12 bytes in base64, in quotes
		t.Fatalf("ETag is %q", tag)
	}
	if other := l.send("GET", "/resume.mjs", "").header.Get("ETag"); other == tag {
		t.Errorf("both files have the tag %s", tag)
	}
	for header, status := range map[string]int{
		tag:               304,
		"W/" + tag:        304,
		`"x", ` + tag:     304,
		"*":               304,
		`"x"`:             200,
		`"` + tag:         200,
		tag[:len(tag)-1]:  200,
		`W/"x", "y",z,,"`: 200,
	} {
		got := l.send("GET", "/resume.js", "", "If-None-Match: "+header)
		if got.status != status || (got.body == "") != (status == 304) || got.header.Get("ETag") != tag {
			t.Errorf("If-None-Match: %s: %d with %d bytes and tag %s, want %d and tag %s",
				header, got.status, len(got.body), got.header.Get("ETag"), status, tag)
		}
	}
}

func TestScriptsTakeNoOtherMethod(t *testing.T) {
	l := start(t, nil)
	if got := l.send("POST", "/resume.js", ""); got.status != 405 || got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", got.status, got.header.Get("Allow"))
	}
	l = start(t, func(_ *lab, c *rest.Config) { c.Hosts = []string{"ws.example"} })
	if got := l.send("GET", "/resume.js", ""); got.status != 421 {
		t.Errorf("by another host's name: %d, want 421", got.status)
	}
}

func TestNotModifiedIsNoFailure(t *testing.T) {
	l := start(t, nil)
	tag := l.send("GET", "/resume.js", "").header.Get("ETag")
	if got := l.send("GET", "/resume.js", "", "If-None-Match: "+tag); got.status != 304 {
		t.Fatalf("%d, want 304", got.status)
	}
	var text strings.Builder
	l.set.WritePrometheus(&text)
	if !strings.Contains(text.String(), `gannet_rest_requests_total{route="resume_js",status="304"} 1`) || strings.Contains(text.String(), `status="500"`) {
		t.Errorf("a script that has not changed is counted as\n%s", text.String())
	}
}
