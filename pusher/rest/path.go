package rest

import (
	"bytes"
	"strings"
)

// A route is one resource of the API. Its name is a metric label.
type route uint8

const (
	routeNone route = iota // no such path
	routeRoot
	routeUp
	routeHealthz
	routeReadyz
	routeScript // resume.js
	routeModule // resume.mjs
	routePage   // Config.Pages
	routeEvents
	routeBatch
	routeChannels
	routeChannel
	routeUsers
	routeHistory
	routeTerminate
	routeTerminateAlias // without the app id, as pusher-http-python asks
	routeCount
)

var routes = [routeCount]struct {
	name string // metric label
	post bool   // POST, otherwise GET and HEAD
}{
	routeNone:           {"none", false},
	routeRoot:           {"root", false},
	routeUp:             {"up", false},
	routeHealthz:        {"healthz", false},
	routeReadyz:         {"readyz", false},
	routeScript:         {"resume_js", false},
	routeModule:         {"resume_mjs", false},
	routePage:           {"page", false},
	routeEvents:         {"events", true},
	routeBatch:          {"batch_events", true},
	routeChannels:       {"channels", false},
	routeChannel:        {"channel", false},
	routeUsers:          {"channel_users", false},
	routeHistory:        {"channel_events", false},
	routeTerminate:      {"terminate_connections", true},
	routeTerminateAlias: {"terminate_connections_alias", true},
}

// signed reports whether r is part of the API proper and needs a signature.
func (r route) signed() bool { return r >= routeEvents }

// script reports whether r is a script for browsers.
func (r route) script() bool { return r == routeScript || r == routeModule }

// health reports whether r says only how the server is. Load balancers ask in plain and by address.
func (r route) health() bool { return routeRoot <= r && r <= routeReadyz }

// allow is the value of the Allow header.
func (r route) allow() string {
	switch {
	case routes[r].post:
		return "POST, OPTIONS"
	case r.signed():
		return "GET, HEAD, OPTIONS"
	}
	return "GET, HEAD"
}

// splitTarget separates path and query of a request target at the first '?'. The authority of
// an absolute-form target (RFC 9112 §3.2.2) is dropped. A '#' is an ordinary letter: it has
// no place in a target, but #server-to-user- channels have one in their names and a client that
// forgets to escape it should be told so by the name check, not by a silently shorter path.
//
// Both are borrowed from target.
func splitTarget(target []byte) (path, query []byte) {
	if len(target) == 0 || target[0] != '/' {
		if _, rest, ok := bytes.Cut(target, schemeEnd); ok {
			slash := bytes.IndexAny(rest, "/?")
			if slash < 0 {
				return nil, nil
			}
			target = rest[slash:]
		}
	}
	path, query, _ = bytes.Cut(target, queryStart)
	return path, query
}

var (
	schemeEnd  = []byte("://")
	queryStart = []byte("?")
)

// parsePath finds the route of an API path, raw as it was received, and decodes its variable
// parts: id is the app's, name the channel's or the user's.
//
// The path is split before it is decoded, so %2F never makes a new segment, and neither
// "." nor doubled slashes mean anything: what is signed is what is routed.
func parsePath(raw string) (r route, id, name string) {
	rest, ok := strings.CutPrefix(raw, "/apps/")
	if !ok {
		if rest, ok = strings.CutPrefix(raw, "/users/"); ok {
			if user, verb, _ := strings.Cut(rest, "/"); user != "" && verb == "terminate_connections" {
				return routeTerminateAlias, "", unescape(user)
			}
		}
		return routeNone, "", ""
	}
	id, rest, _ = strings.Cut(rest, "/")
	if id == "" {
		return routeNone, "", ""
	}
	id = unescape(id)
	resource, rest, more := strings.Cut(rest, "/")
	if !more {
		switch resource {
		case "events":
			return routeEvents, id, ""
		case "batch_events":
			return routeBatch, id, ""
		case "channels":
			return routeChannels, id, ""
		}
		return routeNone, "", ""
	}
	name, verb, more := strings.Cut(rest, "/")
	switch {
	case name == "":
		return routeNone, "", ""
	case resource == "channels" && !more:
		return routeChannel, id, unescape(name)
	case resource == "channels" && verb == "users":
		return routeUsers, id, unescape(name)
	case resource == "channels" && verb == "events":
		return routeHistory, id, unescape(name)
	case resource == "users" && verb == "terminate_connections":
		return routeTerminate, id, unescape(name)
	}
	return routeNone, "", ""
}

// unescape decodes %XX. A '%' that two hex digits do not follow stays as it is, and so does
// '+', which stands for itself in a path.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c - 'a' + 10)
	case 'A' <= c && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}
