package session_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/session"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories in testdata answer into them, to be read before it is kept")

// TestStories plays the conversations of testdata. Each is one story and opens with a comment that says why it exists.
// A line is
//
//	# …                          a comment
//	app SWITCH … LIMIT=N …       sets the app up; see setUp
//	rule MATCH [allow|deny]      adds a rule for channels, with what it says about client events
//	late                         Subscribe and SignIn actions are answered by the story and not at once
//	open                         calls Open
//	> FRAME                      a message from the client; $sign[X] in it becomes "key:signature of <socket id>X"
//	subscribe CHANNEL [DATA]     a correctly signed subscription, with channel_data if given
//	signin DATA                  a correctly signed sign-in
//	advance DURATION             moves the clock, and calls Expire
//	joined CHANNEL, refused CHANNEL, signedin, signin-refused
//	                             answer an action
//	overquota, terminate, end    call the method
//	state                        prints what the session knows
//	< …                          an answer to the line above: a frame, or another action by name
//
// With -rewrite the answers are replaced by what comes out.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(want, []byte("# ")) {
				t.Error("the story does not open with a comment that says why it exists")
			}
			got := play(t, string(want))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got == string(want) {
				return
			}
			w, g := strings.Split(string(want), "\n"), strings.Split(got, "\n")
			for i := 0; i < len(w) && i < len(g); i++ {
				if w[i] != g[i] {
					t.Fatalf("%s:%d\n got %s\nwant %s", file, i+1, g[i], w[i])
				}
			}
			t.Fatalf("%s: got %d lines, want %d", file, len(g), len(w))
		})
	}
}

// The credentials of the vectors.
const (
	key    = "278d425bdf160c739803"
	secret = "7ad3773142a6692b25b8"
	socket = "1234.1234"
)

func newApp() *app.App {
	return &app.App{ID: "3", Keys: []app.Key{{Key: key, Secret: secret}}, Enabled: true, ClientEvents: true, Limits: app.DefaultLimits()}
}

// sign is written out here rather than taken from the auth package, which it is to disagree with when that is wrong.
func sign(rest string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(socket + rest))
	return key + ":" + hex.EncodeToString(mac.Sum(nil))
}

func subscribeFrame(channel string, data ...string) string {
	fields := map[string]string{"channel": channel, "auth": sign(strings.Join(append([]string{"", channel}, data...), ":"))}
	if len(data) > 0 {
		fields["channel_data"] = data[0]
	}
	return frame("pusher:subscribe", fields)
}

func signinFrame(userData string) string {
	return frame("pusher:signin", map[string]string{"auth": sign("::user::" + userData), "user_data": userData})
}

func frame(event string, data any) string {
	text, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		panic(err)
	}
	return string(text)
}

type player struct {
	t    *testing.T
	app  *app.App
	s    *session.Session
	now  time.Time
	late bool
	out  strings.Builder
}

func play(t *testing.T, story string) string {
	p := &player{t: t, app: newApp(), now: time.Unix(1_700_000_000, 0)}
	lines := strings.SplitAfter(story, "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "<") {
			continue
		}
		p.out.WriteString(line)
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			p.do(line)
		}
	}
	return p.out.String()
}

var signed = regexp.MustCompile(`\$sign\[([^\]]*)\]`)

func (p *player) do(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	first, second, more := strings.Cut(rest, " ")
	switch verb {
	case "app":
		p.setUp(strings.Fields(rest))
		return
	case "rule":
		words := map[string]app.Permission{"": app.AsApp, "allow": app.Allow, "deny": app.Deny}
		p.app.Rules = append(p.app.Rules, app.Rule{Match: first, ClientEvents: words[second]})
		return
	case "late":
		p.late = true
		return
	}
	if p.s == nil {
		p.s = session.New(p.app, socketID(socket), p.now)
	}
	s := p.s
	switch verb {
	case "open":
		p.show(s.Open(120, nil))
	case ">":
		text := signed.ReplaceAllStringFunc(rest, func(m string) string {
			// What is signed is the text inside the JSON string.
			var decoded string
			if err := json.Unmarshal([]byte(`"`+m[len("$sign["):len(m)-1]+`"`), &decoded); err != nil {
				p.t.Fatalf("%s: %v", m, err)
			}
			return sign(decoded)
		})
		p.show(s.Handle([]byte(text), p.now, nil))
	case "subscribe":
		if more {
			p.show(s.Handle([]byte(subscribeFrame(first, second)), p.now, nil))
		} else {
			p.show(s.Handle([]byte(subscribeFrame(first)), p.now, nil))
		}
	case "signin":
		p.show(s.Handle([]byte(signinFrame(rest)), p.now, nil))
	case "advance":
		d, err := time.ParseDuration(rest)
		if err != nil {
			p.t.Fatal(err)
		}
		p.now = p.now.Add(d)
		p.show(s.Expire(p.now, nil))
	case "joined":
		fmt.Fprintf(&p.out, "< wanted %v\n", s.Joined(rest))
	case "refused":
		p.show(s.Refused(rest, pusher.PresenceFull(rest), nil))
	case "signedin":
		p.show(s.SignedIn(nil))
	case "signin-refused":
		p.show(s.SignInRefused(pusher.BadUser("refused"), nil))
	case "overquota":
		p.show(s.OverQuota(nil))
	case "terminate":
		p.show(s.Terminate(nil))
	case "end":
		s.End()
	case "state":
		p.state()
	default:
		p.t.Fatalf("what is %q?", line)
	}
}

func (p *player) setUp(words []string) {
	limits := &p.app.Limits
	for _, word := range words {
		name, value, isLimit := strings.Cut(word, "=")
		if isLimit {
			n, err := strconv.Atoi(value)
			if err != nil {
				p.t.Fatal(err)
			}
			*map[string]*int{
				"channel_name_length": &limits.ChannelNameLength, "event_name_length": &limits.EventNameLength,
				"event_bytes": &limits.EventBytes, "member_bytes": &limits.MemberBytes, "user_id_length": &limits.UserIDLength,
				"json_depth": &limits.JSONDepth, "watchlist": &limits.Watchlist, "client_events_per_second": &limits.ClientEventsPerSecond,
				"subscriptions": &limits.SubscriptionsPerConnection, "subscribes_per_second": &limits.SubscribesPerSecond, "terminate_code": &p.app.Compat.TerminateCode,
			}[name] = n
			continue
		}
		*map[string]*bool{
			"require_sign_in": &p.app.RequireSignIn, "client_events": &p.app.ClientEvents, "watchlist": &p.app.Watchlist,
			"subscription_error": &p.app.Compat.SubscriptionErrorFrame, "reacknowledge": &p.app.Compat.ReacknowledgeSubscribe,
			"client_events_on_public": &p.app.Compat.ClientEventsOnPublic, "quota_4100": &p.app.Compat.Quota4100,
		}[strings.TrimPrefix(name, "no_")] = !strings.HasPrefix(name, "no_")
	}
}

// show writes actions down and, unless the story does it itself, answers them as a node with room would.
func (p *player) show(actions []session.Action) {
	for i := range actions {
		a := &actions[i]
		p.out.WriteString("< ")
		p.out.WriteString(describe(a))
		p.out.WriteByte('\n')
		if p.late {
			continue
		}
		switch a.Op {
		case session.Subscribe:
			if !p.s.Joined(a.Channel) {
				p.t.Errorf("%s: not wanted", a.Channel)
			}
		case session.SignIn:
			p.show(p.s.SignedIn(nil))
		}
	}
}

func describe(a *session.Action) string {
	switch a.Op {
	case session.Send:
		return string(a.Payload)
	case session.Close:
		return fmt.Sprintf("close %d", a.Err.Code)
	}
	words := []string{a.Op.String()}
	if a.Channel != "" {
		words = append(words, a.Channel)
	}
	if a.Member != nil {
		words = append(words, "member="+a.Member.ID, "info="+string(a.Member.Info))
	}
	if a.Event != "" {
		words = append(words, a.Event, "data="+string(a.Data))
	}
	if a.User != nil {
		words = append(words, a.User.ID, fmt.Sprintf("watchlist=%q", a.User.Watchlist))
	}
	if a.UserID != "" {
		words = append(words, "as="+a.UserID)
	}
	return strings.Join(words, " ")
}

func (p *player) state() {
	fmt.Fprintf(&p.out, "< user=%q ended=%v", p.s.UserID(), p.s.Ended())
	if d := p.s.Deadline(); !d.IsZero() {
		fmt.Fprintf(&p.out, " deadline in %v", d.Sub(p.now))
	}
	for channel, userID := range p.s.Channels() {
		fmt.Fprintf(&p.out, " %s(%s)", channel, userID)
	}
	p.out.WriteByte('\n')
}

// socketID reads a socket id of a test.
func socketID(s string) pusher.SocketID {
	id, ok := pusher.ParseSocketID(s)
	if !ok {
		panic("not a socket id: " + s)
	}
	return id
}
