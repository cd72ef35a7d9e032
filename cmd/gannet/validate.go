package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/pusher/allow"
)

// check adds what is wrong with values that are well formed each by itself.
func (r *reading) check(c *Config) {
	r.checkListeners(c)
	r.checkAdmin(&c.Admin)
	r.checkPrefix(c.PathPrefix)
	r.checkEntries("hosts", c.Hosts, allow.CheckHost)
	r.checkProxies(&c.Proxies)
	r.checkTLS(c)

	r.checkRanges("", reflect.ValueOf(c).Elem())
	r.checkRange("loops", c.Loops, 0, engine.MaxLoops)

	if c.PingInterval > 0 && c.PingInterval < time.Second {
		r.bad("ping_interval", "must be at least 1s, or 0 for no pings")
	}
	if c.PingInterval > 0 && c.PongWait < time.Second {
		r.bad("pong_wait", "must be at least 1s while pings are sent")
	}
	if c.ActivityTimeout < time.Second || c.ActivityTimeout%time.Second != 0 {
		r.bad("activity_timeout", "must be whole seconds and at least 1s: clients are told it as a number of seconds")
	}
	if c.Limits.TimestampWindow%time.Second != 0 {
		r.bad("limits.timestamp_window", "must be whole seconds, as time stamps are, or 0 for any time")
	}
	r.checkWord("websocket.compression", c.WebSocket.Compression, compressionOff, compressionOn)
	r.checkTuning(c)
	r.checkWebhooks(c)
	r.checkCluster(c)
	r.checkTracing(&c.Tracing)
	r.checkWord("log.level", c.Log.Level, "debug", "info", "warn", "error")
	r.checkWord("log.format", c.Log.Format, "text", "json")
	r.checkApps(c)
}

// bad adds a problem with the setting at path.
func (r *reading) bad(path, format string, args ...any) {
	r.problems.add(r.whereIs(path), "%s: %s", path, fmt.Sprintf(format, args...))
}

// whereIs returns the place of path, else of the nearest thing around it that has one.
func (r *reading) whereIs(path string) string {
	for {
		if place, ok := r.where[path]; ok {
			return place
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return r.file
		}
		path = path[:i]
	}
}

// checkEntries adds what check says about each entry of a list.
func (r *reading) checkEntries(path string, list []string, check func(string) error) {
	for i, entry := range list {
		if err := check(entry); err != nil {
			r.bad(fmt.Sprintf("%s[%d]", path, i), "%s", err)
		}
	}
}

func (r *reading) checkProxies(p *ProxiesConfig) {
	r.checkEntries("proxies.trusted", p.Trusted, func(entry string) error {
		_, err := proxies.NewTrust([]string{entry}, 0)
		return err
	})
	r.checkWord("proxies.header", p.Header, "x-forwarded-for", "forwarded")
	r.checkProxyProtocol("proxies.proxy_protocol", p.ProxyProtocol, p)
}

func (r *reading) checkProxyProtocol(path, word string, p *ProxiesConfig) {
	r.checkWord(path, word, "off", "optional", "required")
	if word != "off" && len(p.Trusted) == 0 {
		r.bad(path, "nobody may send PROXY headers; list your proxies in proxies.trusted")
	}
}

func (r *reading) checkPrefix(prefix string) {
	if prefix == "" {
		return
	}
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._~/", c)
	}
	if prefix[0] != '/' || strings.HasSuffix(prefix, "/") || strings.Contains(prefix, "//") ||
		strings.ContainsFunc(prefix, func(c rune) bool { return !plain(c) }) {
		r.bad("path_prefix", "want a path such as /realtime, with a slash before and none after, got %q", prefix)
	}
}

func (r *reading) checkRange(path string, n, low, high int) {
	if n < low || n > high {
		r.bad(path, "must be from %d to %d, got %d", low, high, n)
	}
}

// checkRanges checks every setting below v, which is at path, that has a range.
func (r *reading) checkRanges(path string, v reflect.Value) {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		if keyOf(field) == "-" || !field.IsExported() {
			continue
		}
		at := join(path, keyOf(field))
		switch {
		case value.Kind() == reflect.Struct:
			r.checkRanges(at, value)
		case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct:
			for j := range value.Len() {
				r.checkRanges(fmt.Sprintf("%s[%d]", at, j), value.Index(j))
			}
		case field.Tag.Get("range") != "" && value.Int() != 0:
			r.checkTag(at, field, value.Int())
		}
	}
}

// checkTag holds a number against the range in its field's tag.
func (r *reading) checkTag(path string, field reflect.StructField, n int64) {
	lowText, highText, _ := strings.Cut(field.Tag.Get("range"), "-")
	low, high := reflect.New(field.Type).Elem(), reflect.New(field.Type).Elem()
	if err := setText(field, low, lowText); err != nil {
		panic(err) // the tag is ours
	}
	if highText == "" {
		if n < low.Int() {
			r.bad(path, "must be at least %s, or 0 for no limit", lowText)
		}
		return
	}
	if err := setText(field, high, highText); err != nil {
		panic(err)
	}
	if n < low.Int() || n > high.Int() {
		r.bad(path, "must be from %s to %s, or 0 for the most", lowText, highText)
	}
}

func (r *reading) checkWord(path, word string, words ...string) {
	if slices.Contains(words, word) {
		return
	}
	hint := ""
	if near := nearest(strings.ToLower(word), words); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	r.bad(path, "must be one of %s, got %q%s", strings.Join(words, ", "), word, hint)
}

func (r *reading) checkApps(c *Config) {
	if len(c.Apps) == 0 {
		r.problems.add(r.whereIs("apps"), "there is no app to serve; list one under \"apps:\" in a file for --config, "+
			"or set GANNET_APP_ID, GANNET_APP_KEY and GANNET_APP_SECRET, or use --dev for the development app")
		return
	}
	ids, keys := map[string]string{}, map[string]string{}
	for i := range c.Apps {
		a, path := &c.Apps[i], fmt.Sprintf("apps[%d]", i)
		if r.checkName(path+".id", a.ID, "/?#%&") {
			r.checkUnique(ids, path+".id", a.ID)
		}
		r.checkKeys(a, path, keys)
		r.checkEntries(path+".origins", a.Origins, allow.CheckOrigin)
		if code := a.Compat.TerminateCode; code != 0 && (code < 4000 || code > 4299) {
			r.bad(path+".compat.terminate_code", "must be a close code from 4000 to 4299, or 0 for 4009, got %d", code)
		}
		r.checkChannels(c, a, path)
		r.checkAppWebhooks(a, path)
	}
}

func (r *reading) checkKeys(a *AppConfig, path string, keys map[string]string) {
	if len(a.Keys) > 0 && (a.Key != "" || a.Secret != "") {
		r.bad(path+".keys", "give either keys or the short form key and secret, not both")
		return
	}
	for i, pair := range a.pairs() {
		at := path
		if len(a.Keys) > 0 {
			at = fmt.Sprintf("%s.keys[%d]", path, i)
		}
		// A colon would end the key in "key:signature".
		if r.checkName(at+".key", pair.Key, "/?#%&:") {
			r.checkUnique(keys, at+".key", pair.Key)
		}
		if pair.Secret == "" {
			r.bad(at+".secret", "must not be empty")
		}
	}
}

// checkName checks an id or key, which stand in URLs as they are.
func (r *reading) checkName(path, name, forbidden string) bool {
	if name == "" {
		r.bad(path, "must not be empty")
		return false
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(forbidden, c) }) {
		r.bad(path, "must be printable ASCII without blanks and without any of %s, got %q", forbidden, name)
		return false
	}
	return true
}

func (r *reading) checkUnique(seen map[string]string, path, name string) {
	if first, ok := seen[name]; ok {
		r.bad(path, "%q is already used by %s at %s", name, first, r.whereIs(first))
		return
	}
	seen[name] = path
}

// warnings returns sentences about what is legal and probably not meant.
func warnings(c *Config, where map[string]string, env map[string]string) []string {
	var out []string
	warn := func(path, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if place := where[path]; place != "" {
			text = place + ": " + text
		}
		out = append(out, text)
	}
	if c.goGC && where["tuning.gc_percent"] != "" {
		warn("tuning.gc_percent", "GOGC is set in the environment and wins over tuning.gc_percent")
	}
	if c.goMemoryLimit && where["tuning.memory_limit"] != "" {
		warn("tuning.memory_limit", "GOMEMLIMIT is set in the environment and wins over tuning.memory_limit")
	}
	for i, entry := range c.Proxies.Trusted {
		if strings.HasSuffix(entry, "/0") {
			warn(fmt.Sprintf("proxies.trusted[%d]", i), "proxies.trusted has %s: anybody may claim any address", entry)
		}
	}
	if c.TLS.TicketSecrets != "" && !c.offersTLS() {
		warn("tls.ticket_secrets", "tls.ticket_secrets does nothing without tls.certificates")
	}
	for i := range c.Apps {
		a, path := &c.Apps[i], fmt.Sprintf("apps[%d]", i)
		for j, pair := range a.pairs() {
			if pair.Secret != devSecret || c.Dev {
				continue
			}
			at := path + ".secret"
			if len(a.Keys) > 0 {
				at = fmt.Sprintf("%s.keys[%d].secret", path, j)
			}
			warn(at, "app %q uses the development secret, which everybody knows", a.ID)
		}
		for j := range a.Webhooks {
			if err := c.unreachable(&a.Webhooks[j]); err != nil {
				warn(fmt.Sprintf("%s.webhooks[%d].url", path, j), "%s", strings.TrimPrefix(err.Error(), "webhook: "))
			}
		}
		if rate, most := a.Limits.SubscribesPerSecond, a.Limits.SubscriptionsPerConnection; rate > 0 && (most == 0 || most > rate) {
			warn(path+".limits.subscribes_per_second", "a client of app %q that reconnects asks for all of its channels at once, but may ask for %d a second", a.ID, rate)
		}
		if body := c.Limits.RESTBodyBytes; body > 0 && a.Limits.EventBytes > body {
			warn(path+".limits.event_bytes", "app %q allows events of %s, but limits.rest_body_bytes stops requests at %s",
				a.ID, formatBytes(a.Limits.EventBytes), formatBytes(body))
		}
	}
	clusterWarnings(c, warn)
	c.Tracing.warnings(warn)
	return append(out, misspelt(env)...)
}

// otherVariables are read by commands, not by Load alone.
var otherVariables = []string{
	"GANNET_CONFIG", "GANNET_APP_ID", "GANNET_APP_KEY", "GANNET_APP_SECRET",
	"GANNET_URL", "GANNET_KEY", "GANNET_SECRET", "GANNET_ADMIN_URL",
	"GANNET_ADMIN_CA", "GANNET_ADMIN_CERT", "GANNET_ADMIN_KEY",
}

// misspelt names variables that are nearly ours. Others are left alone: Kubernetes sets
// GANNET_PORT and more in every pod beside a service called gannet.
func misspelt(env map[string]string) []string {
	known := slices.Clone(otherVariables)
	for _, key := range Keys() {
		if key.Env != "" {
			known = append(known, key.Env)
		}
	}
	var out []string
	for name := range env {
		if slices.Contains(known, name) {
			continue
		}
		if near := nearest(name, known); near != "" {
			out = append(out, fmt.Sprintf("%s: is not a variable of Gannet; did you mean %s?", name, near))
		}
	}
	slices.Sort(out)
	return out
}
