package rest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/rest"
)

func TestUnsignedPaths(t *testing.T) {
	for _, tt := range []struct {
		prefix, method, path string
		status               int
		body                 string
	}{
		{"", "GET", "/", 200, "OK"},
		{"", "GET", "/up", 200, `{"health":"OK"}`},
		{"", "GET", "/healthz", 200, "OK"},
		{"", "GET", "/readyz", 200, "OK"},
		{"", "GET", "/readyz?x=1", 200, "OK"},
		{"", "GET", "http://api.test/healthz", 200, "OK"},
		{"", "GET", "http://api.test", 200, "OK"},
		{"", "HEAD", "/", 200, ""},
		{"", "HEAD", "/readyz", 200, ""},
		{"", "POST", "/", 405, "Method not allowed"},
		{"", "DELETE", "/readyz", 405, "Method not allowed"},
		{"", "GET", "/nonesuch", 404, "Not found"},
		{"", "GET", "//", 404, "Not found"},
		{"", "GET", "/metrics", 404, "Not found"}, // these three are the admin listener's
		{"", "GET", "/debug/pprof/", 404, "Not found"},
		{"", "GET", "/api/webhooks/dead", 404, "Not found"},
		{"", "GET", "/apps", 404, "Not found"},
		{"", "GET", "/apps/", 404, "Not found"},
		{"", "GET", "/apps/3", 404, "Not found"},
		{"", "GET", "/apps/3/", 404, "Not found"},
		{"", "GET", "/apps/3/channels/", 404, "Not found"},
		{"", "GET", "/apps/3/channels/a/users/x", 404, "Not found"},
		{"", "GET", "/apps/3/channels/a/stats", 404, "Not found"},
		{"", "POST", "/apps/3/channels/a/stats", 404, "Not found"},
		{"", "POST", "/apps//events", 404, "Not found"},
		{"", "POST", "//apps/3/events", 404, "Not found"},
		{"", "POST", "/x/../apps/3/events", 404, "Not found"},
		{"", "POST", "/users/1", 404, "Not found"},
		{"", "POST", "/users//terminate_connections", 404, "Not found"},
		{"", "OPTIONS", "/nonesuch", 404, "Not found"},
		{"", "OPTIONS", "*", 404, "Not found"},
		{"/realtime/", "GET", "/realtime", 200, "OK"},
		{"/realtime/", "GET", "/realtime/healthz", 200, "OK"},
		{"/realtime/", "GET", "/healthz", 200, "OK"},
		{"/realtime/", "GET", "/apps/3/channels", 404, "Not found"},
		{"/realtime/", "GET", "/realtimeapps/3/channels", 404, "Not found"},
		{"/realtime/", "GET", "/realtime/apps/3/channels", 401, "Missing parameter: auth_key"},
	} {
		l := start(t, func(_ *lab, cfg *rest.Config) { cfg.PathPrefix = tt.prefix })
		got := l.send(tt.method, tt.path, "")
		if got.status != tt.status || got.body != tt.body {
			t.Errorf("%s %s: got %d %q, want %d %q", tt.method, tt.path, got.status, got.body, tt.status, tt.body)
		}
		if v := got.header.Get("Server"); v != "" {
			t.Errorf("%s %s: Server header %q, want none", tt.method, tt.path, v)
		}
		if v := got.header.Get("Allow"); (v == "GET, HEAD") != (tt.status == 405) {
			t.Errorf("%s %s: Allow %q", tt.method, tt.path, v)
		}
	}
}

func TestReadyzGivesTheReason(t *testing.T) {
	reason := "draining"
	l := start(t, func(_ *lab, cfg *rest.Config) { cfg.Ready = func() (bool, string) { return false, reason } })
	if got := l.send("GET", "/readyz", ""); got.status != 503 || got.body != "draining" {
		t.Errorf("got %d %q, want 503 and the reason", got.status, got.body)
	}
	reason = ""
	if got := l.send("GET", "/readyz", ""); got.status != 503 || got.body != "not ready" {
		t.Errorf("got %d %q, want 503 and a word", got.status, got.body)
	}
	if got := l.send("GET", "/healthz", ""); got.status != 200 {
		t.Errorf("/healthz: got %d", got.status)
	}
	if got := l.signed("GET", "/apps/3/channels/pub", ""); got.status != 200 {
		t.Errorf("the API while not ready: got %d", got.status)
	}
}

func TestWrongMethodsNameTheRightOnes(t *testing.T) {
	l := start(t, nil)
	for path, allow := range map[string]string{
		"/apps/3/events":                        "POST, OPTIONS",
		"/apps/3/batch_events":                  "POST, OPTIONS",
		"/apps/3/channels":                      "GET, HEAD, OPTIONS",
		"/apps/3/channels/presence-a":           "GET, HEAD, OPTIONS",
		"/apps/3/channels/presence-a/users":     "GET, HEAD, OPTIONS",
		"/apps/3/users/1/terminate_connections": "POST, OPTIONS",
		"/users/1/terminate_connections":        "POST, OPTIONS",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"} {
			right := strings.Contains(allow, method)
			got := l.signed(method, path, "")
			if (got.status == 405) == right || (got.header.Get("Allow") == allow) == right {
				t.Errorf("%s %s: got %d, Allow %q", method, path, got.status, got.header.Get("Allow"))
			}
		}
		// Browsers ask first, unsigned.
		got := l.send("OPTIONS", path, "", "Origin: https://console.test", "Access-Control-Request-Method: POST")
		if got.status != 204 || got.body != "" || got.header.Get("Access-Control-Allow-Origin") != "*" ||
			got.header.Get("Access-Control-Allow-Methods") != allow || got.header.Get("Access-Control-Allow-Headers") == "" {
			t.Errorf("OPTIONS %s: got %d %q %v", path, got.status, got.body, got.header)
		}
	}
}

func TestBrowsersMayReadEveryAnswerOfTheAPI(t *testing.T) {
	l := start(t, nil)
	for _, target := range []string{
		sign("GET", "/apps/3/channels/pub", ""),       // 200
		sign("GET", "/apps/3/channels/pub/users", ""), // 400
		"/apps/3/channels",                            // 401
		sign("GET", "/apps/3/events", ""),             // 405
	} {
		if got := l.send("GET", target, ""); got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d without Access-Control-Allow-Origin", target, got.status)
		} else if got.status != 200 && got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d may be sniffed", target, got.status)
		}
	}
	if got := l.send("GET", "/healthz", ""); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("health is open to other origins for no reason")
	}
}

func TestJSONErrorsAreForAppsThatAskForThem(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) { l.app.Compat.JSONErrors = true })
	for _, tt := range []struct {
		got  answer
		want string
	}{
		{l.signed("GET", "/apps/3/channels/pub/users", ""), `{"error":"Users can only be retrieved for presence channels","code":400}`},
		{l.signed("GET", "/apps/3/channels/a%22b", ""), `{"error":"Invalid channel name: 'a%22b'","code":400}`},
		{l.signed("POST", "/apps/3/channels", "{}"), `{"error":"Method not allowed","code":405}`},
	} {
		if tt.got.body != tt.want || tt.got.header.Get("Content-Type") != "application/json" {
			t.Errorf("got %s %q, want %q", tt.got.header.Get("Content-Type"), tt.got.body, tt.want)
		}
	}
	var form struct {
		Error string
		Code  int
	}
	got := l.send("GET", sign("GET", "/apps/3/channels", "")+"0", "")
	if err := json.Unmarshal([]byte(got.body), &form); err != nil || form.Code != 401 || !strings.Contains(form.Error, `HmacSHA256Hex("GET\n`) {
		t.Errorf("bad signature: got %q, %v", got.body, err)
	}
	// Who does not know a key cannot learn which apps there are from the form of the answer.
	if got := l.send("GET", signAs("nokey", "x", "GET", "/apps/3/channels", ""), ""); got.body != "Unknown auth_key" {
		t.Errorf("unknown key: got %q", got.body)
	}
}

func TestContentCodingIsRefused(t *testing.T) {
	l := start(t, nil)
	const body = `{"name":"ev","data":"x","channels":["a"]}`
	for _, tt := range []struct {
		header string
		status int
	}{
		{"Content-Encoding: gzip", 415},
		{"Content-Encoding: br, gzip", 415},
		{"content-encoding: deflate", 415},
		{"Content-Encoding: identity", 200},
		{"Content-Encoding:", 200},
		{"Content-Type: text/plain; charset=latin1", 200},
		{"Content-Type: multipart/form-data; boundary=x", 200},
		{"Content-Type: application/x-www-form-urlencoded", 200},
		{"X-Pusher-Library: pusher-http-php 7.2.7", 200},
	} {
		got := l.send("POST", sign("POST", "/apps/3/events", body), body, tt.header)
		if got.status != tt.status {
			t.Errorf("%s: got %d %q, want %d", tt.header, got.status, got.body, tt.status)
		}
		if tt.status == 415 && got.header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: Accept-Encoding %q", tt.header, got.header.Get("Accept-Encoding"))
		}
	}
}

func TestQueriesAndPathsSurviveAnyEscaping(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) {
		l.node.counts["a;b"] = rest.Counts{Occupied: true}
		l.node.counts["a@b,c"] = rest.Counts{Occupied: true}
	})
	target := sign("GET", "/apps/3/channels", "", "filter_by_prefix", "a;b")
	for _, tt := range []struct{ name, target, want string }{
		{"escaped semicolon", target, `{"channels":{"a;b":{}}}`},
		{"raw semicolon, as Go sends it", strings.ReplaceAll(target, "%3B", ";"), `{"channels":{"a;b":{}}}`},
		{"lower-case escapes", strings.ReplaceAll(target, "%3B", "%3b"), `{"channels":{"a;b":{}}}`},
		{"escaped everything", strings.ReplaceAll(target, "a%3Bb", "%61%3B%62"), `{"channels":{"a;b":{}}}`},
		{"raw marks in the path", strings.ReplaceAll(strings.ReplaceAll(sign("GET", "/apps/3/channels/a@b,c", ""), "%40", "@"), "%2C", ","), `{"occupied":true}`},
		{"escaped marks in the path", sign("GET", "/apps/3/channels/a@b,c", ""), `{"occupied":true}`},
		{"escaped plus", sign("GET", "/apps/3/channels", "", "filter_by_prefix", "a+b"), `{"channels":{}}`},
		{"escaped blank", sign("GET", "/apps/3/channels", "", "filter_by_prefix", "a b"), `{"channels":{}}`},
		{"raw UTF-8", strings.ReplaceAll(sign("GET", "/apps/3/channels", "", "filter_by_prefix", "é"), "%C3%A9", "é"), `{"channels":{}}`},
		{"escaped UTF-8", sign("GET", "/apps/3/channels", "", "filter_by_prefix", "Ω≈ç√🎉"), `{"channels":{}}`},
	} {
		if got := l.send("GET", tt.target, ""); got.status != 200 || got.body != tt.want {
			t.Errorf("%s: got %d %s, want %s", tt.name, got.status, got.body, tt.want)
		}
	}
	// An escaped path whose escapes were signed as they stand.
	raw := sign("GET", "/apps/3/channels/a%40b,c", "")
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "%2540", "%40"), "%2C", ",")
	if got := l.send("GET", raw, ""); got.status != 200 || got.body != `{"occupied":true}` {
		t.Errorf("signed with its escapes: got %d %s", got.status, got.body)
	}
}

func TestResponseShapesAreTheVectors(t *testing.T) {
	// One request for each good shape, answered by a node made for it.
	requests := map[string]func(*lab) answer{
		`{}`: func(l *lab) answer {
			return l.signed("POST", "/apps/3/events", `{"name":"e","data":"","channels":["x"]}`)
		},
		`{"channels":{"presence-a":{"user_count":2,"subscription_count":3},"pub":{"subscription_count":1},"other":{}}}`: nil, // see below
		`{"batch":[{"user_count":2},{},{"subscription_count":1}]}`: func(l *lab) answer {
			return l.signed("POST", "/apps/3/batch_events", `{"batch":[{"channel":"presence-a","name":"e","data":"","info":"user_count"},
				{"channel":"x","name":"e","data":""},{"channel":"pub","name":"e","data":"","info":"subscription_count"}]}`)
		},
		`{"channels":{}}`: func(l *lab) answer {
			return l.signed("GET", "/apps/3/channels", "", "filter_by_prefix", "nothing")
		},
		`{"channels":{"presence-a":{"user_count":2}}}`: func(l *lab) answer {
			return l.signed("GET", "/apps/3/channels", "", "filter_by_prefix", "presence-a", "info", "user_count")
		},
		`{"occupied":false}`: func(l *lab) answer { return l.signed("GET", "/apps/3/channels/x", "") },
		`{"occupied":true,"user_count":1,"subscription_count":2}`: func(l *lab) answer {
			l.node.counts["presence-c"] = rest.Counts{Occupied: true, Users: 1, Subscriptions: 2}
			return l.signed("GET", "/apps/3/channels/presence-c", "", "info", "user_count,subscription_count")
		},
		`{"occupied":true,"cache":{"data":"event data","ttl":60}}`: func(l *lab) answer {
			return l.signed("GET", "/apps/3/channels/cache-x", "", "info", "cache")
		},
		`{"occupied":true,"cache":null}`: func(l *lab) answer {
			l.node.counts["cache-y"] = rest.Counts{Occupied: true}
			return l.signed("GET", "/apps/3/channels/cache-y", "", "info", "cache")
		},
		`{"users":[]}`: func(l *lab) answer { return l.signed("GET", "/apps/3/channels/presence-x/users", "") },
		`{"users":[{"id":"1"},{"id":"2"}]}`: func(l *lab) answer {
			return l.signed("GET", "/apps/3/channels/presence-a/users", "")
		},
	}
	for _, shape := range readVectors(t).Shapes {
		for _, good := range shape.Good {
			request, known := requests[good]
			if !known {
				t.Errorf("%s: no request for the shape %s", shape.Endpoint, good)
			}
			if request == nil {
				// Would need an app that counts subscriptions of some channels only.
				continue
			}
			if got := request(start(t, nil)); got.status != 200 || got.body != good {
				t.Errorf("%s: got %d %s, want %s", shape.Endpoint, got.status, got.body, good)
			}
		}
	}
}

func TestConnectionsAreKeptAndPipelined(t *testing.T) {
	l := start(t, nil)
	c := l.dial()
	defer c.Close()
	r := bufio.NewReader(c)
	const body = `{"name":"ev","data":"x","channels":["a"]}`
	publish := head("POST", sign("POST", "/apps/3/events", body), body) + body
	show := head("GET", sign("GET", "/apps/3/channels/pub", ""), "")

	for range 3 {
		io.WriteString(c, publish)
		if got := read(t, r, "POST"); got.status != 200 {
			t.Fatalf("kept connection: got %d %q", got.status, got.body)
		}
	}
	// Refusals keep the connection too.
	io.WriteString(c, head("GET", "/apps/3/channels", "")+head("GET", "/nonesuch", ""))
	if a, b := read(t, r, "GET"), read(t, r, "GET"); a.status != 401 || b.status != 404 {
		t.Fatalf("got %d and %d, want 401 and 404", a.status, b.status)
	}
	// Pipelined, with a boundary in the middle of a body.
	burst := publish + show + publish + show
	io.WriteString(c, burst[:len(publish)-7])
	io.WriteString(c, burst[len(publish)-7:])
	for i, want := range []string{"{}", `{"occupied":true}`, "{}", `{"occupied":true}`} {
		if got := read(t, r, "GET"); got.status != 200 || got.body != want {
			t.Fatalf("pipelined %d: got %d %q, want %q", i, got.status, got.body, want)
		}
	}
	if n := len(l.node.taken()); n != 5 {
		t.Errorf("published %d, want 5", n)
	}
}

func TestChunkedBodiesAreBodies(t *testing.T) {
	l := start(t, nil)
	const body = `{"name":"ev","data":"x","channels":["a"]}`
	c := l.dial()
	defer c.Close()
	io.WriteString(c, "POST "+sign("POST", "/apps/3/events", body)+" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"+
		body[:5]+"\r\n24\r\n"+body[5:]+"\r\n0\r\n\r\n")
	if got := read(t, bufio.NewReader(c), "POST"); got.status != 200 {
		t.Errorf("got %d %q", got.status, got.body)
	}
}

func TestBodyOnAGetIsReadAndSigned(t *testing.T) {
	l := start(t, nil)
	c := l.dial()
	defer c.Close()
	r := bufio.NewReader(c)
	io.WriteString(c, head("GET", sign("GET", "/apps/3/channels/pub", "hello"), "hello")+"hello"+head("GET", "/healthz", ""))
	if a, b := read(t, r, "GET"), read(t, r, "GET"); a.status != 200 || b.status != 200 {
		t.Errorf("got %d %q and %d %q: the body became the next request", a.status, a.body, b.status, b.body)
	}
	if got := l.send("GET", sign("GET", "/apps/3/channels/pub", ""), "hello"); got.status != 401 {
		t.Errorf("unsigned body: got %d, want 401", got.status)
	}
}

func TestLargeBodies(t *testing.T) {
	const big = 3 << 20
	body := `{"name":"ev","channels":["a"],"data":"` + strings.Repeat("x", big) + `"}`
	target := sign("POST", "/apps/3/events", body)

	l := start(t, func(l *lab, cfg *rest.Config) {
		cfg.MaxBodyBytes = 4 << 20
		l.app.Limits.EventBytes = 0
	})
	if got := l.send("POST", target, body); got.status != 200 {
		t.Errorf("3 MiB under a limit of 4: got %d %.100q", got.status, got.body)
	}
	if sent := l.node.taken(); len(sent) != 1 || len(sent[0].data) != big+2 {
		t.Errorf("published %d events", len(sent))
	}

	// The client writes all of it before it reads, and must still see the answer.
	l = start(t, nil)
	for _, how := range []string{"", "Expect: 100-continue"} {
		headers := []string{}
		if how != "" {
			headers = append(headers, how)
		}
		got := l.send("POST", target, body, headers...)
		if got.status != 413 || got.body != "The request body exceeds the allowed maximum (1048576 bytes)" {
			t.Errorf("%s: got %d %.100q, want 413", how, got.status, got.body)
		}
		if !got.closes {
			t.Errorf("%s: no Connection: close", how)
		}
	}
	// Without a declared length. 0x300000 is 3 MiB.
	c := l.dial()
	defer c.Close()
	io.WriteString(c, "POST "+target+" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n300000\r\n")
	io.WriteString(c, body[:big])
	if got := read(t, bufio.NewReader(c), "POST"); got.status != 413 {
		t.Errorf("chunked: got %d %.100q, want 413", got.status, got.body)
	}
	// A declared length is enough to be refused, nothing need come.
	c = l.dial()
	defer c.Close()
	io.WriteString(c, "POST "+target+" HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n")
	if got := read(t, bufio.NewReader(c), "POST"); got.status != 413 {
		t.Errorf("declared: got %d %.100q, want 413", got.status, got.body)
	}
	if sent := l.node.taken(); len(sent) != 0 {
		t.Errorf("published %d events", len(sent))
	}
}

// A stranger's declared length must not cost memory, so the signature is looked at first, which the query has
// without the body.
func TestLargeBodiesNeedASignatureFirst(t *testing.T) {
	l := start(t, nil)
	body := `{"name":"ev","channels":["a"],"data":"` + strings.Repeat("x", 100_000) + `"}`
	chunked := "Transfer-Encoding: chunked\r\n\r\n18700\r\n" + strings.Repeat("x", 0x18700)
	good := sign("POST", "/apps/3/events", body)
	for _, tt := range []struct {
		name, request string
		status        int
		want          string
	}{
		{"unsigned", "POST /apps/3/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", 401, "Missing parameter: auth_key"},
		{"unsigned, asking first", "POST /apps/3/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n", 401, "Missing parameter: auth_key"},
		{"unsigned, in chunks", "POST /apps/3/events HTTP/1.1\r\nHost: x\r\n" + chunked, 413,
			"The request body exceeds the allowed maximum (1048576 bytes, 65536 in chunks without a good signature)"},
		{"unsigned, whole", head("POST", "/apps/3/events", body) + body, 401, "Missing parameter: auth_key"},
		{"signed without a body", head("POST", sign("POST", "/apps/3/events", ""), body) + body, 401, "Invalid body_md5"},
		{"unknown key", head("POST", signAs("nokey", "x", "POST", "/apps/3/events", body), body) + body, 401, "Unknown auth_key"},
		{"no such path", head("POST", "/nonesuch", body) + body, 404, "Not found"},
		{"health", head("POST", "/healthz", body) + body, 404, "Not found"},
		{"good", head("POST", good, body) + body, 413, tooLarge}, // reached the app's own limit
		{"another body of this length", head("POST", good, body) + strings.Replace(body, "x", "y", 1), 401, "Invalid body_md5"},
	} {
		c := l.dial()
		io.WriteString(c, tt.request)
		if got := read(t, bufio.NewReader(c), "POST"); got.status != tt.status || got.body != tt.want {
			t.Errorf("%s: got %d %.200q, want %d %q", tt.name, got.status, got.body, tt.status, tt.want)
		}
		c.Close()
	}
}

func TestNoLimitIsStillALimit(t *testing.T) {
	l := start(t, func(_ *lab, cfg *rest.Config) { cfg.MaxBodyBytes = math.MaxInt })
	target := sign("POST", "/apps/3/events", "x")
	for _, declared := range []string{"67108865", "4611686018427387904", "9223372036854775807"} {
		c := l.dial()
		io.WriteString(c, "POST "+target+" HTTP/1.1\r\nHost: x\r\nContent-Length: "+declared+"\r\n\r\n")
		if got := read(t, bufio.NewReader(c), "POST"); got.status != 413 {
			t.Errorf("%s bytes declared: got %d %q, want 413", declared, got.status, got.body)
		}
		c.Close()
	}
}

func TestExpectContinueIsAnswered(t *testing.T) {
	l := start(t, nil)
	const body = `{"name":"ev","data":"x","channels":["a"]}`
	c := l.dial()
	defer c.Close()
	r := bufio.NewReader(c)
	io.WriteString(c, head("POST", sign("POST", "/apps/3/events", body), body, "Expect: 100-continue"))
	line, err := r.ReadString('\n')
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	r.ReadString('\n')
	io.WriteString(c, body)
	if got := read(t, r, "POST"); got.status != 200 {
		t.Errorf("got %d %q", got.status, got.body)
	}
}

func TestSlowSendersAreCutOff(t *testing.T) {
	l := start(t, func(_ *lab, cfg *rest.Config) { cfg.ReadTimeout = 50 * time.Millisecond })
	whole := head("POST", "/apps/3/events", "0123456789")
	for name, part := range map[string]string{
		"nothing":          "",
		"half of a head":   whole[:20],
		"half of the body": whole + "01234",
	} {
		c := l.dial()
		io.WriteString(c, part)
		r := bufio.NewReader(c)
		if got := read(t, r, "POST"); got.status != 408 || !got.closes {
			t.Errorf("%s: got %d %q, want 408", name, got.status, got.body)
		}
		if _, err := r.ReadByte(); err == nil {
			t.Errorf("%s: the connection is still open", name)
		}
		c.Close()
	}
	// The time is for the whole request: a byte now and then does not stretch it. The body never gets
	// whole, so if it did, the loop would end with the test's own deadline.
	c := l.dial()
	defer c.Close()
	body := strings.Repeat("x", 1<<20)
	io.WriteString(c, head("POST", sign("POST", "/apps/3/events", body), body))
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(c).ReadString('\n')
		answered <- line
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case got := <-answered:
			if got != "HTTP/1.1 408 Request Timeout\r\n" {
				t.Errorf("a byte every 5 ms: got %q, want 408", got)
			}
			return
		case <-tick.C:
			c.Write([]byte("x"))
		}
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	l := start(t, func(_ *lab, cfg *rest.Config) { cfg.IdleTimeout = 20 * time.Millisecond })
	c := l.dial()
	defer c.Close()
	r := bufio.NewReader(c)
	io.WriteString(c, head("GET", "/healthz", ""))
	if got := read(t, r, "GET"); got.status != 200 {
		t.Fatal(got.status)
	}
	if b, err := r.ReadByte(); err != io.EOF {
		t.Errorf("got byte %q, %v, want the end", b, err)
	}
}

// Ways to make two servers disagree about where a request ends.
func TestSmugglingIsRefused(t *testing.T) {
	l := start(t, nil)
	const next = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, request := range map[string]string{
		"two lengths":              "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"length with a sign":       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n",
		"negative length":          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"length beyond 64 bits":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\n",
		"blank before the colon":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n",
		"unknown coding":           "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
		"chunked on HTTP/1.0":      "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunk size with rubbish":  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1x\r\na\r\n0\r\n\r\n",
		"two hosts":                "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"control byte in a target": "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
		"not HTTP":                 "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	} {
		c := l.dial()
		io.WriteString(c, request+next)
		r := bufio.NewReader(c)
		got := read(t, r, "POST")
		if got.status != 400 || !got.closes {
			t.Errorf("%s: got %d %q, closes %v, want 400 and close", name, got.status, got.body, got.closes)
		}
		if rest, _ := io.ReadAll(r); len(rest) > 0 {
			t.Errorf("%s: another answer followed: %q", name, rest)
		}
		c.Close()
	}
	c := l.dial()
	defer c.Close()
	io.WriteString(c, "GET /"+strings.Repeat("x", 9000)+" HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := read(t, bufio.NewReader(c), "GET"); got.status != 431 {
		t.Errorf("9 kB of head: got %d, want 431", got.status)
	}
	// A length and chunks at once: legal to answer, but the connection must end (RFC 9112 §6.3).
	c2 := l.dial()
	defer c2.Close()
	io.WriteString(c2, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+next)
	if got := read(t, bufio.NewReader(c2), "GET"); !got.closes {
		t.Errorf("length and chunks: got %d without Connection: close", got.status)
	}
}

func TestPanicIsAnsweredWith500AndLoggedOnce(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) { l.node.panics = true })
	const body = `{"name":"ev","data":"x","channels":["a"]}`
	c := l.dial()
	defer c.Close()
	r := bufio.NewReader(c)
	io.WriteString(c, head("POST", sign("POST", "/apps/3/events", body), body)+body+head("GET", "/healthz", ""))
	if got := read(t, r, "POST"); got.status != 500 || got.body != "Internal server error" {
		t.Errorf("got %d %q, want 500 that does not show the panic", got.status, got.body)
	}
	if got := read(t, r, "GET"); got.status != 200 {
		t.Errorf("after the panic, same connection: got %d", got.status)
	}
	if n := strings.Count(l.log.String(), "boom"); n != 1 || !strings.Contains(l.log.String(), "goroutine ") {
		t.Errorf("logged %d times, want once with a stack: %s", n, l.log)
	}
	if got := l.metric("gannet_rest_panics_total"); got != "1" {
		t.Errorf("gannet_rest_panics_total is %s", got)
	}
}

// metric returns the value of one line of the metrics page, "" when there is none.
func (l *lab) metric(name string) string {
	var page strings.Builder
	l.set.WritePrometheus(&page)
	for line := range strings.Lines(page.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func TestMetricsCountWhatHappened(t *testing.T) {
	l := start(t, nil)
	const body = `{"name":"ev","data":"x","channels":["a","b"]}` // 45 bytes
	l.signed("POST", "/apps/3/events", body)
	l.signed("POST", "/apps/3/events", body)
	l.signed("POST", "/apps/3/events", "x")
	l.send("GET", "/apps/3/channels", "")
	l.send("GET", "/nonesuch", "")
	l.send("GET", "/bad", "", "Content-Length: x")
	// The counts of a request are made after its answer was sent, the next request on the connection
	// comes after both; Shutdown waits for all.
	if err := l.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		`gannet_rest_requests_total{route="events",status="200"}`:    "2",
		`gannet_rest_requests_total{route="events",status="400"}`:    "1",
		`gannet_rest_requests_total{route="channels",status="401"}`:  "1",
		`gannet_rest_requests_total{route="none",status="404"}`:      "1",
		`gannet_rest_requests_total{route="none",status="400"}`:      "1",
		`gannet_rest_request_duration_seconds_count{route="events"}`: "3",
		`gannet_rest_request_body_bytes_total`:                       "91",
		`gannet_rest_refusals_total{reason="malformed_body"}`:        "1",
		`gannet_rest_refusals_total{reason="malformed_request"}`:     "1",
		`gannet_rest_refusals_total{reason="not_found"}`:             "1",
		`gannet_rest_open_connections`:                               "0",
	} {
		if got := l.metric(name); got != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
	if l.log.String() != "" {
		t.Errorf("logged for client errors: %s", l.log)
	}
}

func TestShutdownFinishesWhatRuns(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) {
		l.node.enter, l.node.leave = make(chan struct{}), make(chan struct{})
	})
	const body = `{"name":"ev","data":"x","channels":["a"]}`
	c, idle := l.dial(), l.dial()
	defer c.Close()
	defer idle.Close()
	idleReader := bufio.NewReader(idle)
	io.WriteString(idle, head("GET", "/healthz", ""))
	read(t, idleReader, "GET")
	io.WriteString(c, head("POST", sign("POST", "/apps/3/events", body), body)+body)
	<-l.node.enter
	done := make(chan error)
	go func() { done <- l.server.Shutdown(context.Background()) }()
	// The idle connection ends; so Shutdown has begun.
	if _, err := idleReader.ReadByte(); err != io.EOF {
		t.Errorf("idle connection: %v", err)
	}
	// Whether one can connect says nothing: the port may be somebody else's by now.
	if err := l.ln.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
	select {
	case err := <-done:
		t.Fatalf("Shutdown returned %v while a request ran", err)
	default:
	}
	close(l.node.leave)
	if got := read(t, bufio.NewReader(c), "POST"); got.status != 200 || !got.closes {
		t.Errorf("running request: got %d, closes %v", got.status, got.closes)
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// A back end publishes on a connection that it keeps. Closed between two requests, it would lose the
// one on its way; so it is told to leave with an answer.
func TestShutdownLosesNoRequestOfABusyConnection(t *testing.T) {
	l := start(t, nil)
	c := l.dial()
	defer c.Close()
	r := bufio.NewReader(c)
	io.WriteString(c, head("GET", "/healthz", ""))
	if got := read(t, r, "GET"); got.closes {
		t.Fatal("the first answer ends the connection")
	}
	done := make(chan error)
	go func() { done <- l.server.Shutdown(context.Background()) }()
	for i := range 1_000_000 {
		io.WriteString(c, head("GET", "/healthz", ""))
		if got := read(t, r, "GET"); got.status != 200 {
			t.Fatalf("request %d: status %d", i, got.status)
		} else if got.closes {
			break
		}
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("after the last answer: %v, want the end of the connection", err)
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestShutdownThatLosesPatienceClosesEverything(t *testing.T) {
	l := start(t, nil)
	c := l.dial()
	defer c.Close()
	io.WriteString(c, "POST /apps/3/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01")
	// Answered on another connection after the first was accepted, so that both are known.
	l.send("GET", "/healthz", "")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v, want the context's error", err)
	}
	if b, err := io.ReadAll(c); err == nil && len(b) > 0 && !strings.HasPrefix(string(b), "HTTP/1.1 4") {
		t.Errorf("got %q, want the end of the connection", b)
	}
}

func TestServeAfterShutdownIsRefused(t *testing.T) {
	l := start(t, nil)
	if err := l.server.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.server.Serve(ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v, want net.ErrClosed", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

// pipeListener hands out connections from a channel, as a listener does that gets its connections from
// another server.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	errs   []error // given first
	i      atomic.Int32
}

func (l *pipeListener) Accept() (net.Conn, error) {
	if i := int(l.i.Add(1)) - 1; i < len(l.errs) {
		return nil, l.errs[i]
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func TestSeveralListenersOneOutOfDescriptorsAndOneWithTLS(t *testing.T) {
	l := start(t, nil)

	// No descriptors is no reason to end.
	pipes := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{}), errs: []error{
		&net.OpError{Op: "accept", Err: syscall.EMFILE}, &net.OpError{Op: "accept", Err: syscall.ECONNABORTED}}}
	served := make(chan error, 2)
	go func() { served <- l.server.Serve(pipes) }()
	near, far := net.Pipe()
	pipes.conns <- far
	go io.WriteString(near, head("GET", "/healthz", ""))
	if got := read(t, bufio.NewReader(near), "GET"); got.status != 200 {
		t.Errorf("after EMFILE: got %d", got.status)
	}
	near.Close()
	if n := strings.Count(l.log.String(), "too many open files"); n != 1 {
		t.Errorf("logged %d times: %s", n, l.log)
	}

	// TLS, with a certificate borrowed from httptest.
	borrowed := httptest.NewTLSServer(nil)
	config, client := borrowed.TLS.Clone(), borrowed.Client()
	borrowed.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	go func() { served <- l.server.Serve(ln) }()
	resp, err := client.Get("https://" + ln.Addr().String() + sign("GET", "/apps/3/channels/pub", ""))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	client.CloseIdleConnections()
	if resp.StatusCode != 200 || string(body) != `{"occupied":true}` {
		t.Errorf("over TLS: got %d %q", resp.StatusCode, body)
	}

	// The first still works.
	if got := l.send("GET", "/healthz", ""); got.status != 200 {
		t.Errorf("first listener: got %d", got.status)
	}
	if err := l.server.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

func TestBrokenListenerEndsServe(t *testing.T) {
	l := start(t, nil)
	broken := errors.New("no such device")
	ln := &pipeListener{closed: make(chan struct{}), errs: []error{broken}}
	if err := l.server.Serve(ln); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestNodeMayKeepNames(t *testing.T) {
	l := start(t, nil)
	c := l.dial()
	defer c.Close()
	r := bufio.NewReader(c)
	// Both on one connection, whose buffer the second overwrites.
	for _, user := range []string{"first", "other"} {
		io.WriteString(c, head("POST", sign("POST", "/apps/3/users/"+user+"/terminate_connections", ""), ""))
		read(t, r, "POST")
	}
	if want := []string{"3/first", "3/other"}; !reflect.DeepEqual(l.node.terminated, want) {
		t.Errorf("terminated %q, want %q", l.node.terminated, want)
	}
}
