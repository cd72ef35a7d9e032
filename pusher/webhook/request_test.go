package webhook_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/auth"
	"github.com/gannet-io/gannet/pusher/webhook"
)

var loopback = webhook.Targets{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}

// try sends a sample to a receiver on this machine and returns what became of it.
func try(t *testing.T, targets webhook.Targets, h app.Webhook) webhook.TrialResult {
	t.Helper()
	if h.Timeout == app.DefaultWebhook().Timeout {
		h.Timeout = time.Minute // a busy machine is no failure
	}
	sent, a, err := webhook.Test(t.Context(), newApp(t, h), &h, targets, "Gannet/test", pusher.HookOccupied)
	if err != nil {
		t.Fatal(err)
	}
	return a.Result(h.Name, sent)
}

// receive runs a receiver on this machine.
func receive(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

func TestRequestIsAsPusherSendsIt(t *testing.T) {
	var got *http.Request
	var body []byte
	url := receive(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "made")
	})
	h := hook("main", url+"/hook?token=sesame", func(h *app.Webhook) {
		h.Headers = []app.Header{{Name: "Authorization", Value: "Bearer x"}, {Name: "X-Two", Value: "1"}, {Name: "X-Two", Value: "2"}}
		h.Prefix, h.Suffix = "private-", "-eu"
	})
	r := try(t, loopback, h)
	if !r.OK || r.Status != 201 || r.Body != "made" || r.Sent != string(body) || r.Error != "" || r.Reason != "" {
		t.Errorf("result %+v", r)
	}
	if got.Method != "POST" || got.URL.RequestURI() != "/hook?token=sesame" || got.Proto != "HTTP/1.1" || got.ContentLength != int64(len(body)) {
		t.Errorf("%s %s %s of %d bytes", got.Method, got.URL, got.Proto, got.ContentLength)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Pusher-Key": key, "X-Pusher-Signature": auth.WebhookSignature(secret, body),
		"User-Agent": "Gannet/test", "X-Gannet-Attempt": "1", "Authorization": "Bearer x", "Accept-Encoding": "",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if two := got.Header.Values("X-Two"); len(two) != 2 {
		t.Errorf("X-Two is %q", two)
	}
	if !strings.HasPrefix(got.Header.Get("X-Gannet-Delivery"), "test-") {
		t.Errorf("delivery %q", got.Header.Get("X-Gannet-Delivery"))
	}
	if !strings.HasSuffix(string(body), `,"events":[{"name":"channel_occupied","channel":"private-gannet-test-eu"}]}`) {
		t.Errorf("body %s", body)
	}
}

// TestHeaderNamesKeepTheirCase reads what is on the wire: the PHP library looks for X-Pusher-Key exactly.
func TestHeaderNamesKeepTheirCase(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	heads := make(chan string, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		var head strings.Builder
		for in := bufio.NewScanner(c); in.Scan() && in.Text() != ""; {
			head.WriteString(in.Text() + "\n")
		}
		heads <- head.String()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}()
	if r := try(t, loopback, hook("main", "http://"+ln.Addr().String()+"/", nil)); !r.OK {
		t.Errorf("%+v", r)
	}
	head := <-heads
	for _, line := range []string{"X-Pusher-Key: " + key, "X-Pusher-Signature: ", "Content-Type: application/json\n", "X-Gannet-Delivery: test-"} {
		if !strings.Contains(head, "\n"+line) {
			t.Errorf("no %q in\n%s", line, head)
		}
	}
}

func TestOwnKeySigns(t *testing.T) {
	good := false
	url := receive(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		good = r.Header.Get("X-Pusher-Key") == "own" && r.Header.Get("X-Pusher-Signature") == auth.WebhookSignature("own-secret", body)
	})
	try(t, loopback, hook("main", url, func(h *app.Webhook) { h.Key = app.Key{Key: "own", Secret: "own-secret"} }))
	if !good {
		t.Error("not signed by the webhook's own key")
	}
}

func TestEveryOtherOutcomeHasItsReason(t *testing.T) {
	status := func(code int) func(*testing.T) string {
		return func(t *testing.T) string {
			return receive(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
		}
	}
	// raw accepts one connection, says something after the request has come, and closes.
	raw := func(answer string) func(*testing.T) string {
		return func(t *testing.T) string {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ln.Close() })
			go func() {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil {
					io.Copy(io.Discard, r.Body)
					io.WriteString(c, answer)
				}
			}()
			return "http://" + ln.Addr().String()
		}
	}
	for name, tt := range map[string]struct {
		url    func(t *testing.T) string
		reason string // "": all is well
	}{
		"200":         {status(200), ""},
		"299":         {status(299), ""},
		"400":         {status(400), "4xx"},
		"429":         {status(429), "4xx"},
		"500":         {status(500), "5xx"},
		"777":         {status(777), "status"},
		"not changed": {status(304), "redirect"},
		"no answer":   {raw(""), "connection"},
		"half a head": {raw("HTTP/1.1 200 OK\r\nContent-"), "connection"},
		"not HTTP":    {raw("220 mail.example ESMTP\r\n"), "connection"},
		// The receiver has said that it has it.
		"half a body": {raw("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nabc"), ""},
		"a huge head": {raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n"), "connection"},
		"no TLS":      {func(t *testing.T) string { return strings.Replace(status(200)(t), "http:", "https:", 1) }, "tls"},
		"nobody": {func(t *testing.T) string {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			return "http://" + ln.Addr().String()
		}, "refused"},
		"no such name": {func(*testing.T) string { return "http://nowhere.invalid/" }, "dns"},
	} {
		t.Run(name, func(t *testing.T) {
			r := try(t, loopback, hook("main", tt.url(t), nil))
			if r.Reason != tt.reason || r.OK != (tt.reason == "") || (r.Status == 0) != (r.Error != "") {
				t.Errorf("%+v, want reason %q", r, tt.reason)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Bool
	there := receive(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	for _, code := range []int{301, 302, 303, 307, 308} {
		url := receive(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, there, code) })
		if r := try(t, loopback, hook("main", url, nil)); r.OK || r.Status != code || r.Reason != "redirect" {
			t.Errorf("%d: %+v", code, r)
		}
	}
	if followed.Load() {
		t.Error("a redirect was followed, with the signature")
	}
}

func TestAReceiverThatHangsIsGivenUp(t *testing.T) {
	for name, hang := range map[string]func(w http.ResponseWriter, gone <-chan struct{}){
		"before the head": func(_ http.ResponseWriter, gone <-chan struct{}) { <-gone },
		"in the body": func(w http.ResponseWriter, gone <-chan struct{}) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
			<-gone
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := receive(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				hang(w, r.Context().Done())
			})
			// On a busy machine not even a head may come in time, for once.
			var r webhook.TrialResult
			var began time.Time
			for range 20 {
				began = time.Now()
				r = try(t, loopback, hook("main", url, func(h *app.Webhook) { h.Timeout = 300 * time.Millisecond }))
				if name == "before the head" || r.OK {
					break
				}
			}
			if name == "before the head" && (r.OK || r.Reason != "timeout") || name == "in the body" && !r.OK {
				t.Errorf("%+v", r)
			}
			if took := time.Since(began); took < 250*time.Millisecond || took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestTargetsAreCheckedAsTheyAreResolved(t *testing.T) {
	var reached atomic.Bool
	url := receive(t, func(http.ResponseWriter, *http.Request) { reached.Store(true) })
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"} {
		r := try(t, webhook.Targets{}, hook("main", "http://"+host+":"+port+"/", nil))
		// Some resolvers take 127.1 for a name; it must not get through either way.
		if r.OK || r.Reason != "denied" && host != "127.1" {
			t.Errorf("%s: %+v", host, r)
		}
		if host == "localhost" && !strings.Contains(r.Error, "webhooks.allow can allow it") {
			t.Errorf("%s: the error does not say what to do: %s", host, r.Error)
		}
	}
	// A proxy would connect where we may not.
	t.Setenv("HTTP_PROXY", url)
	t.Setenv("http_proxy", url)
	if r := try(t, webhook.Targets{}, hook("main", "http://nowhere.invalid/", nil)); r.Reason != "dns" {
		t.Errorf("with a proxy in the environment: %+v", r)
	}
	if reached.Load() {
		t.Error("the receiver was reached")
	}
}

// An authority signs certificates.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string // its certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key = a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	a.file = a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) make(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// pair returns the files of a certificate and its key.
func (a *authority) pair(template *x509.Certificate) (certFile, keyFile string) {
	a.t.Helper()
	cert, key := a.make(template)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write("cert.pem", "CERTIFICATE", cert.Raw), a.write("key.pem", "PRIVATE KEY", der)
}

func TestTLSIsVerifiedAndAClientCertificateShown(t *testing.T) {
	ours, strangers := newAuthority(t), newAuthority(t)
	server, serverKey := ours.pair(&x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	pair, err := tls.LoadX509KeyPair(server, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(ours.cert)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, HTTP/%d", r.TLS.PeerCertificates[0].Subject.CommonName, r.ProtoMajor)
	}))
	s.Config.ErrorLog = nil
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	s.StartTLS()
	defer s.Close()
	client := &x509.Certificate{Subject: pkix.Name{CommonName: "gannet"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	cert, key := ours.pair(client)
	with := func(change func(*app.Webhook)) webhook.TrialResult {
		return try(t, loopback, hook("main", s.URL, func(h *app.Webhook) {
			h.AuthoritiesFile, h.CertFile, h.KeyFile = ours.file, cert, key
			change(h)
		}))
	}
	if r := with(func(*app.Webhook) {}); !r.OK || r.Body != "gannet, HTTP/1" {
		t.Errorf("all is right: %+v", r)
	}
	if r := with(func(h *app.Webhook) { h.CertFile, h.KeyFile = "", "" }); r.OK || r.Reason != "tls" && r.Reason != "connection" {
		t.Errorf("no client certificate: %+v", r)
	}
	if r := with(func(h *app.Webhook) { h.AuthoritiesFile = "" }); r.OK || r.Reason != "tls" {
		t.Errorf("an authority the system does not know: %+v", r)
	}
	if r := with(func(h *app.Webhook) { h.AuthoritiesFile = strangers.file }); r.OK || r.Reason != "tls" {
		t.Errorf("another authority: %+v", r)
	}
	if r := with(func(h *app.Webhook) { h.URL = strings.Replace(h.URL, "127.0.0.1", "localhost", 1) }); r.OK || r.Reason != "tls" {
		t.Errorf("another name: %+v", r)
	}
	// A file that is missing stops the start; one that is renewed is taken at the next connection.
	bad := hook("main", s.URL, func(h *app.Webhook) { h.CertFile, h.KeyFile = cert, server })
	if _, err := webhook.New(webhook.Config{Apps: []*app.App{newApp(t, bad)}}); err == nil || !strings.Contains(err.Error(), `"main" of app "shop": client certificate`) {
		t.Errorf("a key that is none: %v", err)
	}
	bad = hook("main", s.URL, func(h *app.Webhook) { h.AuthoritiesFile = key })
	if _, err := webhook.New(webhook.Config{Apps: []*app.App{newApp(t, bad)}}); err == nil || !strings.Contains(err.Error(), "no certificate in") {
		t.Errorf("no authorities: %v", err)
	}
}

// TestRealReceivers runs a whole Sender over real sockets: one receiver hangs, one closes, one fails once, one is fine.
func TestRealReceivers(t *testing.T) {
	got := make(chan string, 100)
	fine := receive(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- "fine " + string(body)
	})
	var tries atomic.Int32
	second := receive(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if tries.Add(1) == 1 {
			w.WriteHeader(500)
			return
		}
		got <- "second " + string(body)
	})
	hangs := receive(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	closes := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		c.Close() // with the body unread
	})
	a := newApp(t, hook("fine", fine, nil), hook("second", second, nil), hook("hangs", hangs, nil), hook("closes", closes, nil))
	s, err := webhook.New(webhook.Config{Apps: []*app.App{a}, Targets: loopback})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	w := &world{Sender: s, app: a}
	w.occupied("c")
	seen := map[string]bool{}
	for len(seen) < 2 {
		select {
		case text := <-got:
			if !strings.HasSuffix(text, `"events":[{"name":"channel_occupied","channel":"c"}]}`) {
				t.Errorf("got %s", text)
			}
			seen[strings.Fields(text)[0]] = true
		case <-time.After(time.Minute):
			t.Fatalf("only %v were reached", seen)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}
