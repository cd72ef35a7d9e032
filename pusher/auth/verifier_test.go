package auth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/auth"
)

// received makes the request a server sees: path decoded and raw, without the prefix it is mounted under.
func (c *request) received(t testing.TB) *auth.Request {
	t.Helper()
	raw, query, _ := strings.Cut(strings.TrimPrefix(c.Target, "/realtime"), "?")
	path, err := url.PathUnescape(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &auth.Request{Method: c.Method, Path: path, RawPath: raw, Query: []byte(query), Body: []byte(c.Body)}
}

func TestRequestSigningFollowsTheVectors(t *testing.T) {
	v := load(t)
	var verifier auth.Verifier // one for all: nothing may be left over from the request before
	for _, c := range v.HTTP {
		key, _, err := verifier.Check(c.received(t), v.secrets(), time.Unix(c.ServerTime, 0))
		if c.Expect == "accept" {
			if err != nil || key != v.Credentials.Key {
				t.Errorf("%s: key %q, error %v", c.ID, key, err)
			}
			continue
		}
		var refused *auth.Error
		if !errors.As(err, &refused) {
			t.Errorf("%s: error %v, want an *auth.Error", c.ID, err)
			continue
		}
		if c.Error != "" && refused.Message != c.Error {
			t.Errorf("%s: got  %q\nwant %q", c.ID, refused.Message, c.Error)
		}
		if key != "" {
			t.Errorf("%s: refused, but with key %q", c.ID, key)
		}
	}
}

// The texts the vectors leave open, in the form Pusher's signature library gives them.
func TestRefusalsSayWhy(t *testing.T) {
	v := load(t)
	byID := map[string]request{}
	for _, c := range v.HTTP {
		byID[c.ID] = c
	}
	const text = `"POST\n/apps/3/events\nauth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f"`
	for id, want := range map[string]string{
		"neg-wrong-secret":      `Invalid signature: you should have sent HmacSHA256Hex(` + text + `, your_secret_key), but you sent "19744868f944decf5583f44a3d345539edf2076d5a0444266f328e53e62d9a94"`,
		"neg-missing-signature": `Invalid signature: you should have sent HmacSHA256Hex(` + text + `, your_secret_key), but you sent nil`,
		"neg-method-swap":       `Invalid signature: you should have sent HmacSHA256Hex(` + strings.Replace(text, "POST", "GET", 1) + `, your_secret_key), but you sent "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"`,
		"neg-body-tampered":     "Invalid body_md5",
		"neg-no-body-md5":       "Missing parameter: body_md5",
	} {
		c, ok := byID[id]
		if !ok {
			t.Fatalf("no vector %s", id)
		}
		_, _, err := checkRequest(c.received(t), v.secrets(), time.Unix(c.ServerTime, 0))
		var refused *auth.Error
		if !errors.As(err, &refused) || refused.Message != want {
			t.Errorf("%s: got  %v\nwant %s", id, err, want)
		}
	}
}

func TestNoErrorHoldsTheSecretOrTheRightSignature(t *testing.T) {
	v := load(t)
	for _, c := range v.HTTP {
		r := c.received(t)
		r.Query = []byte(strings.ReplaceAll(string(r.Query), c.Signature, strings.Repeat("0", 64)))
		_, _, err := checkRequest(r, v.secrets(), time.Unix(c.ServerTime, 0))
		if err == nil {
			t.Errorf("%s: accepted with a signature of zeros", c.ID)
			continue
		}
		right := signatureOf(c.Text, v.Credentials.Secret)
		if strings.Contains(err.Error(), right) || strings.Contains(err.Error(), v.Credentials.Secret) {
			t.Errorf("%s: error tells too much: %v", c.ID, err)
		}
	}
}

// checkRequest is Check of a Verifier of its own.
func checkRequest(r *auth.Request, s auth.Secrets, now time.Time) (key string, params auth.Params, err error) {
	var v auth.Verifier
	return v.Check(r, s, now)
}

func TestWindowIsTenMinutesExclusive(t *testing.T) {
	v := load(t)
	signed := time.Unix(1353088179, 0)
	query := auth.SignRequest("GET", "/apps/3/channels", nil, nil, v.Credentials.Key, v.Credentials.Secret, signed)
	r := &auth.Request{Method: "GET", Path: "/apps/3/channels", Query: []byte(query)}
	for _, d := range v.Window.Accept {
		if _, _, err := checkRequest(r, v.secrets(), signed.Add(time.Duration(d)*time.Second)); err != nil {
			t.Errorf("%d s: %v", d, err)
		}
	}
	for _, d := range v.Window.Reject {
		if _, _, err := checkRequest(r, v.secrets(), signed.Add(time.Duration(d)*time.Second)); err == nil {
			t.Errorf("%d s: accepted", d)
		}
	}
}

func TestWindowOfTheVerifierIsExclusive(t *testing.T) {
	signed := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	query := auth.SignRequest("GET", "/p", nil, nil, "k", "s", signed)
	r := &auth.Request{Method: "GET", Path: "/p", Query: []byte(query)}
	for _, tt := range []struct {
		window, late time.Duration
		want         string
	}{
		{30 * time.Second, 29 * time.Second, ""},
		{30 * time.Second, -29 * time.Second, ""},
		{30 * time.Second, 30 * time.Second, "auth: Timestamp expired: Given timestamp (2026-01-02T03:04:05Z) not within 30s of server time (2026-01-02T03:04:35Z)"},
		{30 * time.Second, -30 * time.Second, "auth: Timestamp expired: Given timestamp (2026-01-02T03:04:05Z) not within 30s of server time (2026-01-02T03:03:35Z)"},
		{time.Hour, 59 * time.Minute, ""},
		{-1, 100000 * time.Hour, ""},
	} {
		v := auth.Verifier{Window: tt.window}
		got := ""
		if _, _, err := v.Check(r, secrets{"k": "s"}, signed.Add(tt.late)); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("window %v, %v late: got %q, want %q", tt.window, tt.late, got, tt.want)
		}
	}
}

// check signs query, as text to sign, and checks a request that carries sent on the wire.
func check(t *testing.T, signed, sent string, body string) (auth.Params, error) {
	t.Helper()
	const fixed = "auth_key=k&auth_timestamp=1000&auth_version=1.0"
	// The text is sorted by hand here: fixed comes first unless a test wants otherwise.
	text := "GET\n/p\n" + fixed
	if signed != "" {
		text += "&" + signed
	}
	query := fixed + "&auth_signature=" + signatureOf(text, "s")
	if sent != "" {
		query = sent + "&" + query
	}
	r := &auth.Request{Method: "GET", Path: "/p", Query: []byte(query), Body: []byte(body)}
	_, params, err := checkRequest(r, secrets{"k": "s"}, time.Unix(1000, 0))
	return params, err
}

// signatureOf is the oracle, from the standard library.
func signatureOf(text, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestParamsAreDecodedAndWithoutTheSignature(t *testing.T) {
	params, err := check(t, "filter_by_prefix=a;b+c=d@e,f&info=user_count,subscription_count",
		"info=user_count%2Csubscription_count&Filter_By_Prefix=a;b+c=d%40e,f", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"filter_by_prefix": "a;b+c=d@e,f", "info": "user_count,subscription_count"} {
		if got, ok := params.Get(name); got != want || !ok {
			t.Errorf("Get(%s) = %q, %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"auth_key", "auth_signature", "auth_timestamp", "auth_version", "body_md5", "nothing"} {
		if got, ok := params.Get(name); ok {
			t.Errorf("Get(%s) = %q, want nothing", name, got)
		}
	}
}

func TestArraysComeInTheirOrder(t *testing.T) {
	for _, c := range []struct{ signed, sent string }{
		{"info[]=z&info[]=a&x=1", "info%5B%5D=z&x=1&info[]=a"},
		{"info=z,a&x=1", "info[0]=z&x=1&info%5B1%5D=a"},
		{"info=z,a&x=1", "info[5]=z&x=1&info[2]=a"}, // PHP keeps the order of insertion, not of the index
	} {
		params, err := check(t, c.signed, c.sent, "")
		if err != nil {
			t.Errorf("%s: %v", c.sent, err)
			continue
		}
		if got := params.All("info"); !slices.Equal(got, []string{"z", "a"}) {
			t.Errorf("%s: All(info) = %q", c.sent, got)
		}
		if got, ok := params.Get("info"); got != "z,a" || !ok {
			t.Errorf("%s: Get(info) = %q, %v", c.sent, got, ok)
		}
	}
}

func TestTenthIndexStaysBehindTheNinth(t *testing.T) {
	var signed, sent []string
	for i := range 12 {
		signed = append(signed, strconv.Itoa(i))
		sent = append(sent, "info["+strconv.Itoa(i)+"]="+strconv.Itoa(i))
	}
	if _, err := check(t, "info="+strings.Join(signed, ","), strings.Join(sent, "&"), ""); err != nil {
		t.Error(err)
	}
}

// One signed text must have one meaning, or whoever captured a request could send another under its signature.
func TestAmbiguousQueriesAreRefused(t *testing.T) {
	for _, c := range []struct{ signed, sent, reason string }{
		{"x=1&x=2", "x=1&x=2", "duplicate_parameter"},
		{"x=1&x=2", "X=1&x=2", "duplicate_parameter"},
		{"info[0]=1&info[0]=2", "info[0]=1&info[0]=2", "duplicate_parameter"},
		{"b=1&c=2", "b=1%26c=2", "bad_query"},
		{"b=1&c=2", "b=1%26c%3D2", "bad_query"},
		{"b=1=2", "b%3D1=2", "bad_query"},
		{"b=1", "b=1%0a", "bad_query"},
		{"b=%", "b=%", "bad_query"},
		{"b=%zz", "b=%zz", "bad_query"},
		{"b=%2", "b=%2", "bad_query"},
		{"auth_key=k", "auth_key=k", "duplicate_parameter"},
		{"x=1", strings.Repeat("x[]=1&", 100) + "x=1", "too_many_parameters"},
	} {
		_, err := check(t, c.signed, c.sent, "")
		var refused *auth.Error
		if !errors.As(err, &refused) || refused.Reason != c.reason {
			t.Errorf("%s: error %v, want reason %s", c.sent, err, c.reason)
		}
	}
}

func TestBodyNeedsItsMD5(t *testing.T) {
	const md5OfNothing = "d41d8cd98f00b204e9800998ecf8427e"
	if _, err := check(t, "body_md5="+md5OfNothing, "body_md5="+md5OfNothing, ""); err != nil {
		t.Errorf("MD5 of nothing over nothing: %v", err)
	}
	for _, sum := range []string{md5OfNothing, "", strings.ToUpper("900150983cd24fb0d6963f7d28e17f72"), "900150983cd24fb0d6963f7d28e17f7", "900150983cd24fb0d6963f7d28e17f720"} {
		if _, err := check(t, "body_md5="+sum, "body_md5="+sum, "abc"); err == nil {
			t.Errorf("body abc with body_md5 %q was accepted", sum)
		}
	}
	// RFC 1321 §A.5.
	if _, err := check(t, "body_md5=900150983cd24fb0d6963f7d28e17f72", "body_md5=900150983cd24fb0d6963f7d28e17f72", "abc"); err != nil {
		t.Errorf("body abc: %v", err)
	}
}

func TestOddTimestampsAreRefused(t *testing.T) {
	for _, ts := range []string{"", "x", "1.5", "1e3", "99999999999999999999", "1000000000000", "-99999999999"} {
		query := "auth_key=k&auth_version=1.0&auth_signature=x&auth_timestamp=" + ts
		_, _, err := checkRequest(&auth.Request{Method: "GET", Path: "/p", Query: []byte(query)}, secrets{"k": "s"}, time.Unix(1000, 0))
		var refused *auth.Error
		if !errors.As(err, &refused) || refused.Reason == "bad_signature" {
			t.Errorf("timestamp %q: %v", ts, err)
		}
	}
}

func TestStringsOutliveTheRequestsBuffer(t *testing.T) {
	query := []byte(auth.SignRequest("GET", "/p", map[string]string{"info": "a,b"}, nil, "key", "s", time.Unix(1000, 0)))
	key, params, err := checkRequest(&auth.Request{Method: "GET", Path: "/p", Query: query}, secrets{"key": "s"}, time.Unix(1000, 0))
	if err != nil {
		t.Fatal(err)
	}
	info, _ := params.Get("info")
	for i := range query {
		query[i] = '!'
	}
	if key != "key" || info != "a,b" {
		t.Errorf("after the buffer was reused: key %q, info %q", key, info)
	}
}

func FuzzSignedRequestIsAccepted(f *testing.F) {
	f.Add("POST", "/apps/3/events", "info", "user_count,x", []byte(`{"a":1}`))
	f.Add("GET", "/apps/3/channels/a%40b", "Filter_By_Prefix", "a;b=c+d é", []byte(nil))
	f.Add("get", "/", "x[0]", "%41", []byte("\x00"))
	f.Fuzz(func(t *testing.T, method, path, name, value string, body []byte) {
		if strings.ContainsAny(name, "=&\n") || strings.ContainsAny(value, "&\n") {
			t.Skip("refused as ambiguous")
		}
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "auth_") || lower == "body_md5" || strings.ToLower(lower) != lower {
			t.Skip("the signature's own")
		}
		now := time.Unix(1000, 0)
		query := auth.SignRequest(method, path, map[string]string{name: value}, body, "k", "s", now)
		r := &auth.Request{Method: method, Path: path, Query: []byte(query), Body: body}
		_, params, err := checkRequest(r, secrets{"k": "s"}, now)
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		if got, ok := params.Get(lower); ok != true || got != value {
			t.Fatalf("Get(%q) = %q, %v, want %q", lower, got, ok, value)
		}
		r.Body = append(slices.Clone(body), 'x')
		if _, _, err := checkRequest(r, secrets{"k": "s"}, now); err == nil {
			t.Fatal("another body was accepted")
		}
	})
}

// Hostile bytes must neither panic nor get in.
func FuzzQueryIsRefusedUnlessSigned(f *testing.F) {
	for _, c := range load(f).HTTP {
		_, query, _ := strings.Cut(c.Target, "?")
		f.Add([]byte(query))
	}
	f.Add([]byte("auth_key=k&auth_timestamp=1000&auth_version=1.0&auth_signature=&x[0]=1&x[=2&]=3&[]=4&[0]=5&%5b1%5D=6&=&&"))
	f.Fuzz(func(t *testing.T, query []byte) {
		_, _, err := checkRequest(&auth.Request{Method: "GET", Path: "/p", Query: query}, secrets{"k": "a secret of nobody"}, time.Unix(1000, 0))
		var refused *auth.Error
		if !errors.As(err, &refused) || refused.Message == "" || refused.Reason == "" {
			t.Fatalf("%q: %v", query, err)
		}
	})
}
