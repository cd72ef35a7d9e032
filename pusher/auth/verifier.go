package auth

import (
	"cmp"
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// DefaultWindow is how far a request's clock may be from ours unless a Verifier says otherwise: Pusher's number.
const DefaultWindow = 10 * time.Minute

// authPrefix begins the names of the signature's own parameters.
const authPrefix = "auth_"

// A Request is what a signature covers. Its fields are only read, and nothing of it is kept.
type Request struct {
	Method  string
	Path    string // decoded, without query and without the prefix a server is mounted under
	RawPath string // the same as received; empty when it does not differ
	Query   []byte // as received, without the '?'
	Body    []byte // as received
}

// Secrets finds the secret of a key, within one app.
type Secrets interface {
	Secret(key string) (secret string, ok bool)
}

// A Verifier checks requests one after the other and keeps its buffers in between, so it is worth pooling. The zero
// value is ready.
type Verifier struct {
	// Window is how far the time of a request may be from now, in whole seconds; at exactly this distance it is
	// refused. It is how long who has seen a request can send it again. 0: DefaultWindow. Below 0: any time is good.
	Window time.Duration

	params []param // of the current request
	text   []byte  // scratch: the query while it is decoded, then padded key and text to sign

	// Room for what nearly every request needs.
	firstParams [12]param
	firstText   [512]byte
}

// Check finds out whether r was signed with a secret of s at a time within Window of now, over this very body, and
// returns the key it was signed with. The first thing wrong decides the *Error, in the order of Pusher's signature
// library; that of body_md5 comes last. Params is borrowed until the next Check.
func (v *Verifier) Check(r *Request, s Secrets, now time.Time) (key string, params Params, err error) {
	if v.params == nil {
		v.params, v.text = v.firstParams[:0], v.firstText[:0]
	}
	if e := v.parseQuery(r.Query); e != nil {
		return "", Params{}, e
	}
	key, ok := v.find("auth_key")
	if !ok {
		return "", Params{}, errNoKey
	}
	secret, ok := s.Secret(key)
	if !ok {
		return "", Params{}, errUnknownKey
	}
	if e := v.checkVersion(); e != nil {
		return "", Params{}, e
	}
	if e := v.checkTime(now.Unix()); e != nil {
		return "", Params{}, e
	}
	if !v.checkSignature(r, secret) {
		return "", Params{}, v.signatureError(r)
	}
	if e := v.checkBody(r.Body); e != nil {
		return "", Params{}, e
	}
	v.dropAuth()
	return key, Params{v.params}, nil
}

func (v *Verifier) checkVersion() *Error {
	version, ok := v.find("auth_version")
	if !ok {
		return errNoVersion
	}
	if version != "1.0" {
		return errVersion
	}
	return nil
}

func (v *Verifier) checkTime(now int64) *Error {
	text, ok := v.find("auth_timestamp")
	if !ok {
		return errNoTimestamp
	}
	given, err := strconv.ParseInt(text, 10, 64)
	// Twelve digits reach past the year 30000 and keep the difference and its text sane.
	if err != nil || len(text) > 12 {
		return errTimestamp
	}
	if v.Window < 0 {
		return nil
	}
	window := int64(cmp.Or(v.Window, DefaultWindow) / time.Second)
	if d := now - given; d >= window || d <= -window {
		return &Error{
			Message: "Timestamp expired: Given timestamp (" + iso(given) + ") not within " + strconv.FormatInt(window, 10) +
				"s of server time (" + iso(now) + ")",
			Reason: "timestamp_expired",
		}
	}
	return nil
}

func iso(seconds int64) string { return time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05Z") }

// checkSignature tries what the client may have signed: the path decoded or as received, because proxies normalise
// paths, and parameters as they came or PHP's, which signs info=a,b and sends info[0]=a&info[1]=b.
func (v *Verifier) checkSignature(r *Request, secret string) bool {
	got, ok := v.find("auth_signature")
	if !ok {
		return false
	}
	if v.signed(got, r.Method, r.Path, secret, false) {
		return true
	}
	raw := r.RawPath != "" && r.RawPath != r.Path
	if raw && v.signed(got, r.Method, r.RawPath, secret, false) {
		return true
	}
	if !v.hasIndexes() {
		return false
	}
	return v.signed(got, r.Method, r.Path, secret, true) ||
		raw && v.signed(got, r.Method, r.RawPath, secret, true)
}

func (v *Verifier) signed(got, method, path, secret string, php bool) bool {
	v.text = startMAC(v.text[:0], secret)
	v.text = v.appendText(v.text, method, path, php)
	want := finishMAC(v.text, secret)
	clear(v.text[:blockBytes]) // the padded key
	return sameSignature(got, &want)
}

func (v *Verifier) hasIndexes() bool {
	for _, p := range v.params {
		if _, index := arrayName(p.key); index {
			return true
		}
	}
	return false
}

// appendText appends the text to sign. With php, the elements of name[0], name[1] … become one name=a,b in order of
// arrival.
func (v *Verifier) appendText(dst []byte, method, path string, php bool) []byte {
	dst = appendUpper(dst, method)
	dst = append(dst, '\n')
	dst = append(dst, path...)
	dst = append(dst, '\n')
	if php {
		return appendPairs(dst, joinIndexes(v.params))
	}
	return appendPairs(dst, v.params)
}

func appendUpper(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func appendPairs(dst []byte, params []param) []byte {
	first := true
	for _, p := range params {
		if p.key == "auth_signature" {
			continue
		}
		if !first {
			dst = append(dst, '&')
		}
		first = false
		dst = append(dst, p.key...)
		dst = append(dst, '=')
		dst = append(dst, p.value...)
	}
	return dst
}

func (v *Verifier) signatureError(r *Request) *Error {
	sent := "nil"
	if got, ok := v.find("auth_signature"); ok {
		sent = strconv.Quote(got)
	}
	text := string(v.appendText(nil, r.Method, r.Path, false))
	return &Error{
		Message: "Invalid signature: you should have sent HmacSHA256Hex(" + strconv.Quote(text) + ", your_secret_key), but you sent " + sent,
		Reason:  "bad_signature",
	}
}

// checkBody compares body_md5 with the body. Pusher's library leaves it out, but without it a captured URL could carry
// any body. The Python library sends the MD5 of nothing with every GET.
func (v *Verifier) checkBody(body []byte) *Error {
	got, ok := v.find("body_md5")
	if !ok {
		if len(body) > 0 {
			return errNoBodyMD5
		}
		return nil
	}
	sum := md5.Sum(body)
	var want, sent [2 * md5.Size]byte
	hex.Encode(want[:], sum[:])
	copy(sent[:], got)
	if len(got) != len(sent) || subtle.ConstantTimeCompare(sent[:], want[:]) != 1 {
		return errBodyMD5
	}
	return nil
}

// dropAuth removes the parameters of the signature.
func (v *Verifier) dropAuth() {
	kept := v.params[:0]
	for _, p := range v.params {
		if !strings.HasPrefix(p.key, authPrefix) && p.key != "body_md5" {
			kept = append(kept, p)
		}
	}
	v.params = kept
}
