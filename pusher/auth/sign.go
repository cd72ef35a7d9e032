package auth

import (
	"crypto/md5"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SignRequest returns the query, percent-encoded, that makes a request with params and body authentic at now: params in
// lower case, body_md5 when there is a body, auth_key, auth_timestamp, auth_version and auth_signature. path is signed
// as it is: decoded, and without any prefix the server is mounted under. It is for tools and tests.
func SignRequest(method, path string, params map[string]string, body []byte, key, secret string, now time.Time) (query string) {
	all := make(map[string]string, len(params)+5)
	for name, value := range params {
		all[strings.ToLower(name)] = value
	}
	all["auth_key"] = key
	all["auth_timestamp"] = strconv.FormatInt(now.Unix(), 10)
	all["auth_version"] = "1.0"
	if len(body) > 0 {
		sum := md5.Sum(body)
		all["body_md5"] = hex.EncodeToString(sum[:])
	}
	delete(all, "auth_signature")

	text := startMAC(nil, secret)
	text = appendUpper(text, method)
	text = append(text, '\n')
	text = append(text, path...)
	text = append(text, '\n')
	var sent []byte
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			text = append(text, '&')
			sent = append(sent, '&')
		}
		text = append(text, name...)
		text = append(text, '=')
		text = append(text, all[name]...)
		sent = appendEscaped(sent, name)
		sent = append(sent, '=')
		sent = appendEscaped(sent, all[name])
	}
	sig := finishMAC(text, secret)
	sent = append(sent, "&auth_signature="...)
	return string(append(sent, sig[:]...))
}

// appendEscaped percent-encodes everything but the unreserved characters of RFC 3986 §2.3.
func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
