package gateway_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/wire"
)

// TestStories plays the conversations of testdata against a server on a loopback port. Each
// is one story and opens with a comment that says why it exists. A line is one of
//
//	# …                               a comment
//	server OPTION …                   before the first step; see serverOptions
//	app ID OPTION …                   an app with the key ID-key; see appOptions. The first one
//	                                  is meant where none is named
//	rule MATCH [history=N] [ttl=D] [keyed[=N]] [by_channel]
//	                                  a rule for channels of the app before it
//	connect a KEY [?QUERY] [origin=X] [prefix=/x] [subprotocol=X]
//	connect a /PATH …                 the same with a path of one's own
//	a > TEXT                          a says this
//	a subscribe CHANNEL [as ID [info JSON]] [data TEXT] [for b] [auth TEXT] [unsigned]
//	                                  signed correctly unless the rest says otherwise;
//	                                  also [resume E1-N] [socket ID] [rewind N|D]
//	a unsubscribe CHANNEL
//	a signin ID [info JSON] [watching ID,…] [data TEXT] [for b] [auth TEXT]
//	a sends EVENT CHANNEL [JSON]      a client event
//	a binary HEX
//	a ping                            of RFC 6455
//	close a, drop a                   with a close frame, with a TCP reset
//	wait a …                          until they are closed, which takes time and no message
//	publish CHANNEL EVENT JSON [except a | id KEY]
//	terminate ID
//	channel NAME, channels [PREFIX], users CHANNEL, cached CHANNEL
//	                                  what the HTTP API would be told
//	advance DURATION                  moves the clock that the server reads
//	drain
//	nodes a b …                       before the first step: so many servers in a cluster
//	on b COMMAND                      by that node; by the first one where none is named
//	cut b, restore b                  from the backbone, which it notices
//	pause b, resume b                 nothing reaches it meanwhile, which it does not notice
//	freeze, thaw                      nothing is said between nodes and backbone meanwhile
//	lose KEY                          makes the backbone forget the log of a channel, such as shop/news
//	attached                          how many channels the node is told of
//	past CHANNEL
//	in ID COMMAND                     publish, terminate or query in that app
//	N times COMMAND
//	a < …, = …                        what follows from the line above: all that each client
//	                                  gets, and the answer to a question
//
// $a in what a client says stands for the socket id of a, and <a> for it in what comes back. E1, E2 and so on
// are the epochs of histories, in the order in which they appear.
// Once a story is over everybody leaves, and nothing may be left of it in the server.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(want, []byte("# ")) {
				t.Error("the story does not open with a comment that says why it exists")
			}
			got := play(t, string(want), nil)
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compare(t, file, string(want), got)
			if strings.Contains(string(want), "\nnodes ") || alone[name] {
				return
			}
			// Clients of a node that is not alone see the same.
			compare(t, file+" in a cluster", string(want), play(t, string(want), newLan(t, 1)))
		})
	}
}

// alone are stories about what is otherwise in a cluster.
var alone = map[string]bool{
	"history_budget":  true, // what is too much is taken from the node's memory, not from the log
	"history_refused": true, // who has seen more than the log has may know better for a while
}

func compare(t *testing.T, story, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			t.Fatalf("%s:%d\n got %s\nwant %s", story, i+1, g[i], w[i])
		}
	}
	if len(w) != len(g) {
		t.Fatalf("%s: got %d lines, want %d", story, len(g), len(w))
	}
}

// outcome matches the lines that -rewrite replaces.
var outcome = regexp.MustCompile(`^(\w+ < |= )`)

// signature matches what differs from run to run beside the socket ids it signs.
var signature = regexp.MustCompile(`[0-9a-f]{64}`)

// serial matches the position of an event, whose epoch is another in each run.
var serial = regexp.MustCompile(`"serial":"(\w+)-`)

// known matches the names of epochs.
var known = regexp.MustCompile(`E(\d+)-`)

// A player is a story in progress.
type player struct {
	t       *testing.T
	options options
	apps    []*app.App
	app     *app.App // that the line is about
	s       *server  // that the line is about, the first if it does not say so; nil until the first step
	lan     *lan     // nil: there is one server, alone
	nodes   []string // on the lan
	servers map[string]*server

	clients map[string]*client
	order   []string            // names, as they came
	frames  map[string][]string // by name: what came since the last line
	out     strings.Builder
	line    string
	epochs  []string // of histories, as they came up
}

// play plays a story, on a lan unless that is nil.
func play(t *testing.T, story string, l *lan) string {
	p := &player{t: t, lan: l, nodes: []string{"a"}, servers: make(map[string]*server), clients: make(map[string]*client), frames: make(map[string][]string)}
	for line := range strings.Lines(story) {
		line = strings.TrimSuffix(line, "\n")
		if outcome.MatchString(line) {
			continue
		}
		fmt.Fprintln(&p.out, line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		p.line = line
		p.app = nil
		if len(p.apps) > 0 {
			p.app = p.apps[0]
		}
		p.do(line)
	}
	p.end()
	return p.out.String()
}

func (p *player) fatal(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s\n%s", p.line, fmt.Sprintf(format, args...))
}

func (p *player) answer(format string, args ...any) { fmt.Fprintf(&p.out, "= "+format+"\n", args...) }

// do carries a line out.
func (p *player) do(line string) {
	words := split(line)
	switch words[0] {
	case "server":
		p.serverOptions(words[1:])
		return
	case "app":
		a := &app.App{ID: words[1], Enabled: true, Keys: []app.Key{{Key: words[1] + "-key", Secret: words[1] + "-secret"}}, Limits: app.DefaultLimits()}
		p.appOptions(a, words[2:])
		p.apps = append(p.apps, a)
		return
	case "nodes":
		p.lan, p.nodes = newLan(p.t, 1), words[1:]
		return
	case "rule":
		a := p.apps[len(p.apps)-1]
		a.Rules = append(a.Rules, p.rule(words[1:]))
		return
	}
	if len(p.servers) == 0 {
		if p.lan != nil {
			p.options.lan, p.options.clock = p.lan, newClock()
		}
		for _, p.options.name = range p.nodes {
			p.servers[p.options.name] = newServer(p.t, p.options, p.apps...)
		}
	}
	p.s = p.servers[p.nodes[0]]
	if n, err := strconv.Atoi(words[0]); err == nil && words[1] == "times" {
		_, command, _ := strings.Cut(line, " times ")
		for range n {
			p.step(command)
		}
	} else {
		p.step(line)
	}
	p.s.settle()
	for _, name := range p.order {
		p.told(name, p.clients[name].collect())
	}
	p.bury()
	p.tell()
}

// step carries out one command and waits until the server has seen it.
func (p *player) step(line string) {
	words := split(line)
	if words[0] == "in" {
		i := slices.IndexFunc(p.apps, func(a *app.App) bool { return a.ID == words[1] })
		if i < 0 {
			p.fatal("no app %q", words[1])
		}
		p.app = p.apps[i]
		words = words[2:]
	}
	if words[0] == "on" {
		p.s, words = p.servers[words[1]], words[2:]
	}
	s := p.s
	switch command, args := words[0], words[1:]; command {
	case "cut":
		p.lan.net.Cut(args[0])
	case "restore":
		p.lan.net.Restore(args[0])
	case "pause":
		p.lan.net.Pause(args[0])
	case "resume":
		p.lan.net.Resume(args[0])
	case "lose":
		p.lan.net.LoseLog(args[0])
	case "freeze":
		p.lan.frozen = true
	case "thaw":
		p.lan.frozen = false
	case "attached":
		p.answer("%v channels are attached", s.gauge("gannet_node_attached_channels"))
	case "connect":
		p.connect(args)
	case "close":
		p.told(args[0], p.client(args[0]).close())
	case "drop":
		p.client(args[0]).reset()
	case "wait":
		for _, name := range args {
			p.told(name, p.clients[name].rest())
		}
	case "publish":
		ev := &node.Event{Channel: args[0], Name: args[1], Data: wire.AppendDataToken(nil, []byte(args[2]))}
		if len(args) > 4 && args[3] == "except" {
			ev.Except = p.client(args[4]).id
		}
		if len(args) > 4 && args[3] == "id" {
			ev.ID = args[4]
		}
		if err := s.publish(p.app, ev); err != nil {
			p.answer("%v", err)
		}
	case "terminate":
		terminate := func() error { return s.node.Terminate(p.app, strings.Trim(args[0], `"`)) }
		if s.lan == nil {
			_ = terminate()
		} else if err := s.moved(terminate); err != nil {
			p.answer("%v", err)
		}
	case "advance":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			p.fatal("%v", err)
		}
		s.clock.Advance(d)
		if p.lan != nil {
			p.lan.net.Advance(d)
		}
	case "drain":
		p.drain()
	case "channel", "channels", "users", "cached", "past":
		p.query(command, append(args, ""))
	default:
		p.speak(p.client(command), line, args)
	}
	p.bury()
}

// bury lets go of the sockets of those whose conn is over.
func (p *player) bury() {
	p.order = slices.DeleteFunc(p.order, func(name string) bool {
		c := p.clients[name]
		if c.over {
			c.s.shut(c.conn)
		}
		return c.over
	})
}

func (p *player) client(name string) *client {
	c := p.clients[name]
	if c == nil || c.over {
		p.fatal("no client %q", name)
	}
	return c
}

// told notes what a client got.
func (p *player) told(name string, frames []string) {
	p.frames[name] = append(p.frames[name], frames...)
}

// tell prints what everybody got, client by client: in which order two of them got something
// is nobody's promise.
func (p *player) tell() {
	for _, name := range slices.Sorted(maps.Keys(p.frames)) {
		for _, f := range p.frames[name] {
			fmt.Fprintf(&p.out, "%s < %s\n", name, p.mask(f))
		}
	}
	clear(p.frames)
}

// mask replaces what differs from run to run.
func (p *player) mask(f string) string {
	for _, name := range slices.Sorted(maps.Keys(p.clients)) {
		if id := p.clients[name].id; id != "" {
			f = strings.ReplaceAll(f, id, "<"+name+">")
		}
	}
	for _, m := range serial.FindAllStringSubmatch(f, -1) {
		if !slices.Contains(p.epochs, m[1]) {
			p.epochs = append(p.epochs, m[1])
		}
		f = strings.ReplaceAll(f, `"serial":"`+m[1]+"-", fmt.Sprintf(`"serial":"E%d-`, slices.Index(p.epochs, m[1])+1))
	}
	return signature.ReplaceAllStringFunc(f, func(hex string) string {
		if strings.Contains(p.line, hex) {
			return hex
		}
		return "<signature>"
	})
}

func (p *player) connect(args []string) {
	name, path, origin, prefix, query, subprotocols := args[0], args[1], "", "", "?protocol=7&client=js&version=8.6.0&flash=false", []string(nil)
	if !strings.HasPrefix(path, "/") {
		path = "/app/" + path
	}
	for _, arg := range args[2:] {
		switch option, value, _ := strings.Cut(arg, "="); {
		case strings.HasPrefix(arg, "?"):
			query = strings.TrimSuffix(arg, "?")
		case option == "origin":
			origin = value
		case option == "prefix":
			prefix = value
		case option == "subprotocol":
			subprotocols = append(subprotocols, value)
		default:
			p.fatal("what is %q?", arg)
		}
	}
	if old := p.clients[name]; old != nil && !old.over {
		p.fatal("%s is connected", name)
	}
	c := p.s.dial(prefix+path+query, origin, subprotocols...)
	for _, a := range p.apps {
		if path == "/app/"+url.PathEscape(a.Keys[0].Key) {
			c.app = a
		}
	}
	p.clients[name] = c
	p.order = append(p.order, name)
	if subprotocols != nil {
		p.answer("subprotocol %q", c.subprotocol)
	}
}

// speak has c say something, and hears the direct answer, which shows that it was handled.
func (p *player) speak(c *client, line string, args []string) {
	name, _, _ := strings.Cut(line, " ")
	a := c.app
	switch what := args[0]; what {
	case ">":
		_, text, _ := strings.Cut(line, "> ")
		c.say(p.fill(text))
	case "subscribe":
		c.say(p.subscribe(a, c, args[1], args[2:]))
	case "unsubscribe":
		c.say(message("pusher:unsubscribe", map[string]string{"channel": args[1]}))
	case "signin":
		c.say(p.signin(a, c, args[1], args[2:]))
	case "sends":
		m := fmt.Sprintf(`{"event":%q,"channel":%q`, args[1], args[2])
		if len(args) > 3 {
			m += `,"data":` + args[3]
		}
		c.say(m + "}")
	case "binary":
		b, err := hex.DecodeString(args[1])
		if err != nil {
			p.fatal("%v", err)
		}
		c.write(ws.OpBinary, b)
	case "ping":
		c.write(ws.OpPing, []byte("hello"))
	default:
		p.fatal("what is %q?", what)
	}
	p.told(name, c.collect())
}

// fill puts socket ids in for $a.
func (p *player) fill(text string) string {
	return os.Expand(text, func(name string) string { return p.client(name).id })
}

// phrases reads pairs such as "as u1 info {}".
func (p *player) phrases(words []string) map[string]string {
	m := make(map[string]string)
	for i := 0; i < len(words); i += 2 {
		if words[i] == "unsigned" {
			m["unsigned"] = "yes"
			i--
			continue
		}
		if i+1 == len(words) {
			p.fatal("what about %q?", words[i])
		}
		m[words[i]] = words[i+1]
	}
	return m
}

func (p *player) subscribe(a *app.App, c *client, channel string, words []string) string {
	how := p.phrases(words)
	data := how["data"]
	if id := how["as"]; id != "" {
		data = fmt.Sprintf(`{"user_id":%q}`, id)
		if info := how["info"]; info != "" {
			data = fmt.Sprintf(`{"user_id":%q,"user_info":%s}`, id, info)
		}
	}
	signer := c.id
	if other := how["for"]; other != "" {
		signer = p.client(other).id
	}
	fields := map[string]string{"channel": channel}
	if data != "" {
		fields["channel_data"] = data
	}
	switch text := signer + ":" + channel; {
	case how["unsigned"] != "":
	case how["auth"] != "":
		fields["auth"] = how["auth"]
	case data != "":
		fields["auth"] = sign(a, text+":"+data)
	case strings.HasPrefix(channel, "private-"), strings.HasPrefix(channel, "presence-"):
		fields["auth"] = sign(a, text)
	}
	all := make(map[string]any)
	for name, value := range fields {
		all[name] = value
	}
	if at := how["resume"]; at != "" {
		all["resume"] = known.ReplaceAllStringFunc(at, func(name string) string {
			return p.epochs[p.number(name[1:len(name)-1])-1] + "-"
		})
	}
	if id := how["socket"]; id != "" {
		all["socket"] = p.fill(id)
	}
	if n, err := strconv.Atoi(how["rewind"]); err == nil {
		all["rewind"] = n
	} else if how["rewind"] != "" {
		all["rewind"] = how["rewind"]
	}
	return message("pusher:subscribe", all)
}

func (p *player) signin(a *app.App, c *client, id string, words []string) string {
	how := p.phrases(words)
	user := map[string]any{"id": id}
	if info := how["info"]; info != "" {
		user["user_info"] = json.RawMessage(info)
	}
	if list := how["watching"]; list != "" {
		user["watchlist"] = strings.Split(list, ",")
	}
	text, err := json.Marshal(user)
	if err != nil {
		p.fatal("%v", err)
	}
	data, signer := string(text), c.id
	if how["data"] != "" {
		data = how["data"]
	}
	if other := how["for"]; other != "" {
		signer = p.client(other).id
	}
	auth := sign(a, signer+"::user::"+data)
	if how["auth"] != "" {
		auth = how["auth"]
	}
	return message("pusher:signin", map[string]string{"auth": auth, "user_data": data})
}

func (p *player) query(what string, args []string) {
	n := p.s.node
	describe := func(c node.Counts) string {
		return fmt.Sprintf("occupied %v, %d subscriptions, %d users", c.Occupied, c.Subscriptions, c.Users)
	}
	switch what {
	case "channel":
		p.answer("%s", describe(n.Channel(p.app, args[0])))
	case "channels":
		var lines []string
		for name, c := range n.Channels(p.app, args[0]) {
			lines = append(lines, name+" "+describe(c))
		}
		slices.Sort(lines)
		for _, line := range lines {
			p.answer("%s", line)
		}
		p.answer("%d channels", len(lines))
	case "users":
		ids := n.Users(p.app, args[0])
		slices.Sort(ids)
		p.answer("users %q", ids)
	case "cached":
		if err := p.s.reach(p.app, args[0]); err != nil {
			p.answer("%v", err)
		} else if token, ttl, ok := n.Cached(p.app, args[0]); ok {
			p.answer("cached %s for %v", token, ttl)
		} else {
			p.answer("nothing cached")
		}
	case "past":
		if err := p.s.reach(p.app, args[0]); err != nil {
			p.answer("%v", err)
			return
		}
		past := n.History(p.app, args[0], &node.PastQuery{Limit: 100, Room: 1 << 20})
		for _, e := range past.Events {
			p.answer("%s", p.mask(string(e.JSON)))
		}
		p.answer("%d events", len(past.Events))
	}
}

// drain ends the engine; everybody hears of it before they leave.
func (p *player) drain() {
	drained := make(chan error, 1)
	go func() { drained <- p.s.engine.Drain(p.t.Context(), time.Millisecond) }()
	for _, name := range p.order {
		p.told(name, p.clients[name].rest())
	}
	p.bury()
	if err := <-drained; err != nil {
		p.fatal("%v", err)
	}
}

// end has everybody leave, and looks what they left behind.
func (p *player) end() {
	if p.s == nil {
		p.fatal("nothing happens in this story")
	}
	for _, name := range p.order {
		p.clients[name].close()
	}
	p.bury()
	p.s.settle()
	for _, s := range p.servers {
		for _, thing := range s.leftovers() {
			p.t.Errorf("left behind: %s", thing)
		}
	}
}

func (p *player) serverOptions(words []string) {
	for _, word := range words {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "strict":
			p.options.gateway.StrictProtocol = true
		case "prefix":
			p.options.gateway.PathPrefix = value
		case "connections":
			p.options.gateway.MaxConns = p.number(value)
		case "activity":
			p.options.gateway.ActivityTimeout = p.duration(value)
		case "replay_bytes":
			p.options.gateway.ReplayBytes = p.number(value)
		case "message_bytes":
			p.options.engine.Message.MessageBytes = p.number(value)
		case "ping":
			p.options.engine = engine.Config{PingInterval: p.duration(value), PongWait: p.duration(value)}
		default:
			p.fatal("what is %q?", word)
		}
	}
}

func (p *player) rule(words []string) app.Rule {
	r := app.Rule{Match: words[0], CacheKeys: 1000}
	for _, word := range words[1:] {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "history":
			r.History.Events = p.number(value)
		case "ttl":
			r.History.TTL = p.duration(value)
		case "keyed":
			if r.KeyedCache = true; value != "" {
				r.CacheKeys = p.number(value)
			}
		case "by_channel":
			r.Key = app.ByChannel
		default:
			p.fatal("what is %q?", word)
		}
	}
	return r
}

func (p *player) appOptions(a *app.App, words []string) {
	for _, word := range words {
		name, value, numeric := strings.Cut(word, "=")
		switches := map[string]*bool{
			"client_events": &a.ClientEvents, "must_sign_in": &a.RequireSignIn, "counts": &a.SubscriptionCount, "watchlist": &a.Watchlist,
			"error_frame": &a.Compat.SubscriptionErrorFrame, "pass_data": &a.Compat.PassClientEventData, "quota_4100": &a.Compat.Quota4100,
			"reacknowledge": &a.Compat.ReacknowledgeSubscribe, "public_client_events": &a.Compat.ClientEventsOnPublic,
			"terminate_members": &a.Compat.TerminateByPresence, "encrypted_counts": &a.Compat.EncryptedSubscriptionCount,
		}
		numbers := map[string]*int{
			"connections": &a.Limits.Connections, "channel_name": &a.Limits.ChannelNameLength, "event_name": &a.Limits.EventNameLength,
			"event_bytes": &a.Limits.EventBytes, "members": &a.Limits.PresenceMembers, "member_bytes": &a.Limits.MemberBytes,
			"user_id": &a.Limits.UserIDLength, "watched": &a.Limits.Watchlist, "events_per_second": &a.Limits.ClientEventsPerSecond,
			"subscriptions": &a.Limits.SubscriptionsPerConnection, "history_bytes": &a.Limits.HistoryBytes, "terminate_code": &a.Compat.TerminateCode,
		}
		switch {
		case !numeric && switches[name] != nil:
			*switches[name] = true
		case !numeric && name == "disabled":
			a.Enabled = false
		case numeric && numbers[name] != nil:
			*numbers[name] = p.number(value)
		case name == "sign_in_within":
			a.RequireSignIn, a.Limits.SignInTimeout = true, p.duration(value)
		case name == "cached_for":
			a.Limits.CacheTTL = p.duration(value)
		case name == "origins":
			a.Origins = strings.Split(value, ",")
		default:
			p.fatal("what is %q?", word)
		}
	}
}

func (p *player) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		p.fatal("%v", err)
	}
	return n
}

func (p *player) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		p.fatal("%v", err)
	}
	return d
}

// split cuts a line at blanks, but not inside of quotes, brackets or braces, so that a JSON
// value is one word.
func split(line string) (words []string) {
	depth, quoted, escaped, start := 0, false, false, -1
	for i := 0; i <= len(line); i++ {
		if i == len(line) || line[i] == ' ' && depth == 0 && !quoted {
			if start >= 0 {
				words = append(words, line[start:i])
			}
			start = -1
			continue
		}
		if start < 0 {
			start = i
		}
		switch c := line[i]; {
		case escaped:
			escaped = false
		case c == '\\' && quoted:
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
	return words
}
