//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A response is what the HTTP API answered.
type response struct {
	t      *testing.T
	about  string
	status int
	header http.Header
	body   string
}

// want fails unless the answer is this one; a refusal is only compared when body says more
// than a status.
func (r response) want(status int, body string) {
	r.t.Helper()
	if r.status != status || body != "" && r.body != body {
		r.t.Errorf("%s: got %d %q, want %d %q", r.about, r.status, r.body, status, body)
	}
}

// signed returns the target of a request, path and query, as the libraries build it.
func signed(app account, method, path, body string, params map[string]string) string {
	return signedAt(app, method, "/apps/"+app.ID+path, body, params, time.Now())
}

func signedAt(app account, method, path, body string, params map[string]string, at time.Time) string {
	all := map[string]string{"auth_key": app.Key, "auth_timestamp": strconv.FormatInt(at.Unix(), 10), "auth_version": "1.0"}
	maps.Copy(all, params)
	if _, given := all["body_md5"]; !given && body != "" {
		sum := md5.Sum([]byte(body))
		all["body_md5"] = hex.EncodeToString(sum[:])
	}
	var plain, escaped []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		plain = append(plain, strings.ToLower(k)+"="+all[k])
		escaped = append(escaped, k+"="+strings.ReplaceAll(url.QueryEscape(all[k]), "+", "%20"))
	}
	signature := app.mac(method + "\n" + path + "\n" + strings.Join(plain, "&"))
	return path + "?" + strings.Join(escaped, "&") + "&auth_signature=" + signature
}

// request sends a signed request to the shared server.
func request(t *testing.T, app account, method, path, body string, params map[string]string) response {
	t.Helper()
	return roundTrip(t, method, signed(app, method, path, body, params), body)
}

func roundTrip(t *testing.T, method, target, body string) response {
	t.Helper()
	req, err := http.NewRequest(method, gannet.url()+target, strings.NewReader(body))
	check(t, err)
	if body == "" {
		req.Body = nil
	}
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	return response{t, method + " " + target, resp.StatusCode, resp.Header, string(text)}
}

// A dialogue is one connection to the public port that speaks HTTP by hand.
type dialogue struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func talk(t *testing.T) *dialogue {
	t.Helper()
	return talkTo(t, gannet)
}

func talkTo(t *testing.T, s *server) *dialogue {
	t.Helper()
	conn, err := s.open()
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	check(t, conn.SetDeadline(time.Now().Add(2*patience)))
	return &dialogue{t, conn, bufio.NewReader(conn)}
}

func (d *dialogue) say(text string) {
	d.t.Helper()
	if _, err := io.WriteString(d.conn, text); err != nil {
		d.t.Fatal(err)
	}
}

// hear returns the next response.
func (d *dialogue) hear() response {
	d.t.Helper()
	resp, err := http.ReadResponse(d.in, nil)
	check(d.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(d.t, err)
	return response{d.t, "", resp.StatusCode, resp.Header, string(text)}
}

// hearEnd waits for the server to end the connection, however it does.
func (d *dialogue) hearEnd() (rest string) {
	d.t.Helper()
	text, err := io.ReadAll(d.in)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		d.t.Fatal("the connection was never ended")
	}
	return string(text)
}

func post(app account, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: gannet\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", signed(app, "POST", "/events", body, nil), len(body))
}

func trigger(channel, data string) string {
	return `{"name":"e","channels":["` + channel + `"],"data":"` + data + `"}`
}

func TestHealthIsAnsweredOnBothPorts(t *testing.T) {
	for _, address := range []string{gannet.url(), "http://" + gannet.admin} {
		for _, path := range []string{"/healthz", "/readyz"} {
			if status, body := get(t, address+path); status != 200 {
				t.Errorf("GET %s of %s: %d %s", path, address, status, body)
			}
		}
	}
	status, body := get(t, "http://"+gannet.admin+"/metrics")
	if status != 200 || !strings.Contains(body, "\ngannet_") || !strings.Contains(body, "\ngo_") {
		t.Errorf("GET /metrics: %d, %.300s", status, body)
	}
	if status, _ := get(t, gannet.url()+"/metrics"); status != 404 {
		t.Errorf("GET /metrics of the public port: %d, want 404", status)
	}
}

func TestAnswersAreJSONObjectsWithStatus200(t *testing.T) {
	got := request(t, quiet, "POST", "/events", trigger("a", "x"), nil)
	got.want(200, `{}`)
	if kind := got.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("Content-Type is %q", kind)
	}
	request(t, quiet, "POST", "/batch_events", `{"batch":[]}`, nil).want(200, `{}`)
	request(t, quiet, "GET", "/channels", "", map[string]string{"filter_by_prefix": fresh("none")}).want(200, `{"channels":{}}`)
	request(t, quiet, "GET", "/channels/"+fresh("presence-none")+"/users", "", nil).want(200, `{"users":[]}`)
	request(t, quiet, "GET", "/channels/"+fresh("none"), "", nil).want(200, `{"occupied":false}`)
}

func TestSignaturesAreCheckedInPushersWords(t *testing.T) {
	now := time.Now()
	body := trigger("a", "x")
	path := "/apps/" + quiet.ID + "/events"
	at := func(d time.Duration) string { return signedAt(quiet, "POST", path, body, nil, now.Add(d)) }
	without := func(parameter string) string {
		target := at(0)
		i := strings.Index(target, parameter+"=")
		j := strings.IndexByte(target[i:], '&')
		if j < 0 {
			return target[:i-1]
		}
		return target[:i] + target[i+j+1:]
	}
	for _, c := range []struct{ target, want string }{
		{without("auth_key"), "Missing parameter: auth_key"},
		{without("auth_version"), "Version required"},
		{without("auth_timestamp"), "Timestamp required"},
		{without("auth_signature"), "Invalid signature: "},
		{signedAt(quiet, "POST", path, body, map[string]string{"auth_version": "2.0"}, now), "Version not supported"},
		{signedAt(quiet, "POST", path, body, map[string]string{"auth_key": "nobody"}, now), "Unknown auth_key"},
		{signedAt(quiet, "POST", path, body, map[string]string{"auth_key": full.Key}, now), "Unknown auth_key"},
		{at(-700 * time.Second), "Timestamp expired: Given timestamp ("},
		{at(700 * time.Second), "Timestamp expired: Given timestamp ("},
		{signedAt(quiet, "POST", path, body+" ", nil, now), "Invalid body_md5"},
		{signedAt(quiet, "POST", path, "", nil, now), ""},
		{signedAt(quiet, "GET", path, body, nil, now), `Invalid signature: you should have sent HmacSHA256Hex("POST\n/apps/`},
		{strings.Replace(at(0), "auth_version=1.0", "auth_version=1.0&auth_version=1.0", 1), ""},
	} {
		got := roundTrip(t, "POST", c.target, body)
		if got.status != 401 || !strings.HasPrefix(got.body, c.want) {
			t.Errorf("%s: got %d %q, want 401 %q", c.target, got.status, got.body, c.want)
		}
		if strings.Contains(got.body, quiet.Secret) {
			t.Errorf("%q holds the secret", got.body)
		}
	}
	roundTrip(t, "POST", at(-590*time.Second), body).want(200, `{}`)
	roundTrip(t, "POST", at(590*time.Second), body).want(200, `{}`)
}

func TestQueriesOfAllLibrariesVerify(t *testing.T) {
	channel := fresh("presence-a@b;c=d,e.f")
	c := connect(t, full)
	c.subscribe(full, channel, `{"user_id":"u"}`)
	c.read()
	want := `{"channels":{"` + channel + `":{"user_count":1}}}`
	params := map[string]string{"filter_by_prefix": channel, "info": "user_count"}
	escaped := signed(full, "GET", "/channels", "", params)
	roundTrip(t, "GET", escaped, "").want(200, want)
	raw, err := url.QueryUnescape(escaped)
	check(t, err)
	roundTrip(t, "GET", raw, "").want(200, want)
	// Python sends the MD5 of nothing with every GET.
	request(t, full, "GET", "/channels", "", map[string]string{"filter_by_prefix": channel, "info": "user_count", "body_md5": "d41d8cd98f00b204e9800998ecf8427e"}).want(200, want)
	// A proxy may have escaped the path; signed is the plain one.
	target := signed(full, "GET", "/channels/"+channel+"/users", "", nil)
	roundTrip(t, "GET", target, "").want(200, `{"users":[{"id":"u"}]}`)
	path, query, _ := strings.Cut(target, "?")
	path = strings.NewReplacer("@", "%40", ";", "%3B", "=", "%3D", ",", "%2C").Replace(path)
	roundTrip(t, "GET", path+"?"+query, "").want(200, `{"users":[{"id":"u"}]}`)
	// Characters that no channel has are still signed as they are.
	for _, prefix := range []string{"a b", "é", "a%zz", "__fish"} {
		request(t, full, "GET", "/channels", "", map[string]string{"filter_by_prefix": prefix}).want(200, `{"channels":{}}`)
	}
	// Laravel sends channel for one, channels for several.
	request(t, full, "POST", "/events", `{"name":"e","channel":"a","data":"x","unknown":{}}`, nil).want(200, `{}`)
}

func TestBadRequestsAreRefused(t *testing.T) {
	for _, body := range []string{
		`x`, `{`, `[]`, `null`, `{}`, `{"name":"e","data":"x"}`, `{"name":"e","channels":[],"data":"x"}`, `{"name":1,"channels":["a"],"data":"x"}`,
		`{"channels":["a"],"data":"x"}`, `{"name":"e","channels":["a"]}`, `{"name":"e","channels":["a"],"data":{}}`, `{"name":"e","channels":"a","data":"x"}`,
		`{"name":"e","channels":["a b"],"data":"x"}`, `{"name":"e","channels":["a\n"],"data":"x"}`, `{"name":"e","channels":["a"],"data":"x","socket_id":"x"}`,
		`{"name":"e","channels":["a"],"data":"x","socket_id":"1.1\n"}`, `{"name":"` + strings.Repeat("e", 201) + `","channels":["a"],"data":"x"}`,
		`{"name":"pusher:e","channels":["a"],"data":"x"}`, `{"name":"e","channels":["` + strings.TrimSuffix(strings.Repeat(`a","`, 101), `","`) + `"],"data":"x"}x`,
		strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
	} {
		got := request(t, quiet, "POST", "/events", body, nil)
		if got.status != 400 || got.body == "" {
			t.Errorf("%.100s: got %d %q, want 400 and a reason", body, got.status, got.body)
		}
	}
	var hundredAndOne []string
	for i := range 101 {
		hundredAndOne = append(hundredAndOne, fmt.Sprintf(`"c%d"`, i))
	}
	request(t, quiet, "POST", "/events", `{"name":"e","channels":[`+strings.Join(hundredAndOne, ",")+`],"data":"x"}`, nil).want(400, "")
	request(t, quiet, "POST", "/events", `{"name":"e","channels":["a"],"data":"x","socket_id":null,"info":null}`, nil).want(200, `{}`)
	request(t, quiet, "GET", "/channels/a%20b", "", nil).want(400, "")
	if got := roundTrip(t, "GET", "/nowhere", ""); got.status != 404 {
		t.Errorf("GET /nowhere: %d, want 404", got.status)
	}
}

func TestKeepAliveServesManyRequests(t *testing.T) {
	d := talk(t)
	for range 5 {
		body := trigger("a", "x")
		d.say(post(quiet, body) + body)
		d.hear().want(200, `{}`)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	d := talk(t)
	body := trigger("a", "x")
	refused := `{"name":"e"}`
	d.say(post(quiet, body) + body + "GET /healthz HTTP/1.1\r\nHost: gannet\r\n\r\n" + post(quiet, refused) + refused + post(quiet, body) + body)
	d.hear().want(200, `{}`)
	d.hear().want(200, "")
	d.hear().want(400, "")
	d.hear().want(200, `{}`)
}

func TestABodyMayComeInPiecesAndInChunks(t *testing.T) {
	body := trigger(fresh("pieces"), strings.Repeat("x", 5000))
	d := talk(t)
	for piece := range slices.Chunk([]byte(post(quiet, body)+body), 700) {
		d.say(string(piece))
	}
	d.hear().want(200, `{}`)
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: gannet\r\nTransfer-Encoding: chunked\r\n\r\n", signed(quiet, "POST", "/events", body, nil))
	d.say(head)
	for piece := range slices.Chunk([]byte(body), 1000) {
		d.say(fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece))
	}
	d.say("0\r\n\r\n")
	d.hear().want(200, `{}`)
	waits := strings.Replace(post(quiet, body), "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1)
	d.say(waits)
	line, err := d.in.ReadString('\n')
	check(t, err)
	if !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, want 100 Continue", line)
	}
	_, err = d.in.ReadString('\n')
	check(t, err)
	d.say(body)
	d.hear().want(200, `{}`)
}

func TestLargeBodiesPassUpToTheLimit(t *testing.T) {
	channel := fresh("cache-large")
	large := strings.Repeat("0123456789abcdef", 3<<16) // 3 MiB
	request(t, roomy, "POST", "/events", trigger(channel, large), nil).want(200, `{}`)
	got := request(t, roomy, "GET", "/channels/"+channel, "", map[string]string{"info": "cache"})
	if got.status != 200 || !strings.Contains(got.body, large) {
		t.Errorf("the cached event: %d, %d bytes", got.status, len(got.body))
	}
	// Within the limit of the server, over that of the app.
	request(t, quiet, "POST", "/events", trigger(channel, large), nil).want(413, "")
	// Over the limit of the server, 5 MiB: refused from the head alone.
	d := talk(t)
	d.say(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: gannet\r\nContent-Length: %d\r\n\r\n", signed(roomy, "POST", "/events", "x", nil), 6<<20))
	d.hear().want(413, "")
}

func TestDataMayBeTenKilobytesOfUTF8(t *testing.T) {
	channel := fresh("size")
	request(t, quiet, "POST", "/events", trigger(channel, strings.Repeat(`\u00e9`, 5120)), nil).want(200, `{}`)
	got := request(t, quiet, "POST", "/events", trigger(channel, strings.Repeat(`\u00e9`, 5120)+"x"), nil)
	got.want(413, "The data content of this event exceeds the allowed maximum (10240 bytes). See https://pusher.com/docs/channels/server_api/http-api#publishing-events for more info")
}

func TestABodyThatStopsHalfWayHurtsNobody(t *testing.T) {
	body := trigger("a", "x")
	for range 20 {
		d := talk(t)
		d.say(post(quiet, body) + body[:len(body)/2])
		check(t, d.conn.Close())
	}
	d := talk(t)
	d.say(post(quiet, body) + body[:len(body)/2])
	check(t, d.conn.(interface{ CloseWrite() error }).CloseWrite())
	if got := d.hearEnd(); strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("half a body was answered with %q", got)
	}
	request(t, quiet, "POST", "/events", body, nil).want(200, `{}`)
}

// upgrade is an opening handshake of exactly size bytes.
func upgrade(size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET /app/%s?protocol=7 HTTP/1.1\r\nHost: gannet\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", quiet.Key)
	if padding := size - b.Len() - len("X-Padding: \r\n\r\n"); padding >= 0 {
		fmt.Fprintf(&b, "X-Padding: %s\r\n", strings.Repeat("x", padding))
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func (d *dialogue) hearUpgrade() {
	d.t.Helper()
	resp, err := http.ReadResponse(d.in, nil)
	check(d.t, err)
	// The key and the answer to it are the example of RFC 6455 section 1.3.
	if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		d.t.Errorf("got %s %v, want 101 and the accept key of the RFC", resp.Status, resp.Header)
	}
	c := &client{t: d.t, conn: d.conn, in: d.in}
	c.readEstablished()
	c.fence()
}

func TestAHandshakeMayComeByteByByteAndWithTheFirstFrames(t *testing.T) {
	d := talk(t)
	for _, b := range upgrade(0) {
		d.say(string([]byte{b}))
	}
	d.hearUpgrade()
	d = talk(t)
	// An unmasked frame right behind the head: the handshake still succeeds, then 1002.
	d.say(string(upgrade(0)) + "\x81\x02{}")
	resp, err := http.ReadResponse(d.in, nil)
	check(t, err)
	if resp.StatusCode != 101 {
		t.Fatalf("got %s", resp.Status)
	}
	c := &client{t: t, conn: d.conn, in: d.in}
	c.readEstablished()
	c.expectClose(1002)
}

func TestAHandshakeHasEightKilobytes(t *testing.T) {
	d := talk(t)
	d.say(string(upgrade(8192)))
	d.hearUpgrade()
	d = talk(t)
	d.say(string(upgrade(8193)))
	d.hear().want(431, "")
	d.hearEnd()
}

func TestASlowHandshakeIsCutOff(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\nlimits: { handshake_timeout: 1s }\n")
	d := talkTo(t, s)
	head := upgrade(0)
	d.say(string(head[:len(head)/2]))
	silent := talkTo(t, s)
	for _, d := range []*dialogue{d, silent} {
		if got := d.hearEnd(); strings.HasPrefix(got, "HTTP/1.1 101") {
			t.Errorf("half a handshake was answered with %q", got)
		}
	}
}

func TestHandshakesThatAreNoneAreHTTPErrors(t *testing.T) {
	whole := string(upgrade(0))
	for _, c := range []struct {
		name, sent string
		status     int
	}{
		{"old version", strings.Replace(whole, "Version: 13", "Version: 8", 1), 426},
		{"no key", strings.Replace(whole, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 1), 400},
		{"short key", strings.Replace(whole, "dGhlIHNhbXBsZSBub25jZQ==", "dGhl", 1), 400},
		{"two keys", strings.Replace(whole, "Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key", 1), 400},
		{"no host", strings.Replace(whole, "Host: gannet\r\n", "", 1), 400},
		{"bare line feeds", strings.ReplaceAll(whole, "\r\n", "\n"), 400},
		{"space before the colon", strings.Replace(whole, "Upgrade:", "Upgrade :", 1), 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := talk(t)
			d.say(c.sent)
			got := d.hear()
			got.want(c.status, "")
			if c.status == 426 && got.header.Get("Sec-WebSocket-Version") != "13" {
				t.Errorf("Sec-WebSocket-Version is %q, want 13", got.header.Get("Sec-WebSocket-Version"))
			}
			d.hearEnd()
		})
	}
}

func TestTruncatedHandshakesCostNothing(t *testing.T) {
	whole := upgrade(0)
	for n := range whole {
		d := talk(t)
		d.say(string(whole[:n]))
		check(t, d.conn.Close())
	}
	d := talk(t)
	d.say(string(whole))
	d.hearUpgrade()
}
