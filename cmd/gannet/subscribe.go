package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/gobwas/ws/wsutil"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/auth"
)

type subscribeCommand struct {
	target   `embed:""`
	Channels []string `arg:"" name:"channel" help:"Channels of any kind; #server-to-user-ID needs --user-id ID."`
	UserID   string   `help:"Sign in as this user, and be this member in presence channels."`
	JSON     bool     `name:"json" help:"Print whole frames as they came, one a line, those of the protocol too."`
	Count    int      `placeholder:"N" help:"Exit after N published events; 0 for never."`
}

// Help is shown by "gannet subscribe --help" between the summary and the arguments.
func (*subscribeCommand) Help() string {
	return `Prints a line an event: time, channel, event, data. Private and presence channels are signed here, with
--secret, so no auth endpoint is needed. What happens to the connection goes to standard error.
Reconnects as the close code says; Ctrl-C ends it with exit code 0.

Examples:

  gannet subscribe my-channel
  gannet subscribe private-orders presence-room --user-id 7
  gannet subscribe --user-id 7 '#server-to-user-7'
  gannet subscribe my-channel --count 1 --json | jq .data
  gannet subscribe --url wss://push.example.com --key K --secret S my-channel`
}

// errEnough ends the command after Count events.
var errEnough = errors.New("enough events")

// A refused error is the server's answer to something this command asked for; asking again
// would not help.
type refused struct{ message string }

func (r refused) Error() string { return "the server refused: " + r.message }

// A follower is the state of a subscribe command over its connections.
type follower struct {
	*subscribeCommand
	t       *terminal
	address *url.URL

	printed int // published events so far

	// Of the current connection.
	client      *client
	socketID    string
	pending     int    // subscriptions asked for and not acknowledged
	established bool   // connection_established has come
	lastError   string // text of the last pusher:error
}

// Run prints events until the terminal says stop, Count is reached or the server refuses.
func (s *subscribeCommand) Run(t *terminal) error {
	address, err := s.address("ws", "/app/"+url.PathEscape(s.Key))
	if err != nil {
		return err
	}
	v, _ := buildVersion()
	address.RawQuery = url.Values{"protocol": {"7"}, "client": {"gannet"}, "version": {v}}.Encode()
	f := &follower{subscribeCommand: s, t: t, address: address}
	return f.run()
}

func (f *follower) run() error {
	everConnected := false
	for attempt := 0; ; attempt++ {
		start := time.Now()
		err := f.follow()
		everConnected = everConnected || f.established
		// A server that turns clients away as soon as it has greeted them is not to be
		// hammered, so only a connection of some length starts the count anew.
		if f.established && time.Since(start) > time.Second {
			attempt = 0
		}
		var no refused
		switch {
		case errors.Is(err, errEnough), f.t.ctx.Err() != nil:
			return nil
		case errors.As(err, &no):
			return err
		case !everConnected && f.client == nil:
			return f.explain(err)
		}
		pause, ok := reconnectAfter(err, attempt)
		if !ok {
			return f.closedFor(err)
		}
		f.note("%s; connecting again in %s", f.closedFor(err), pause.Round(100*time.Millisecond))
		select {
		case <-f.t.ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// follow runs one connection to its end, which the error explains.
func (f *follower) follow() error {
	f.client, f.socketID, f.pending, f.established, f.lastError = nil, "", 0, false, ""
	c, err := dial(f.t.ctx, f.address)
	if err != nil {
		return err
	}
	defer c.close()
	f.client = c
	for {
		frame, err := c.next()
		if err != nil {
			return err
		}
		if f.JSON {
			f.printRaw(frame.raw)
		}
		if err := f.handle(&frame); err != nil {
			return err
		}
	}
}

func (f *follower) handle(frame *incoming) error {
	switch frame.Event {
	case "pusher:connection_established":
		return f.welcome(frame)
	case "pusher:ping":
		return f.client.send("pusher:pong", struct{}{})
	case "pusher:pong", "pusher:subscription_error":
		return nil // a subscription_error follows a pusher:error with the reason
	case "pusher:signin_success":
		f.note("signed in as %s", f.UserID)
		return f.subscribe()
	case "pusher_internal:subscription_succeeded":
		f.pending--
		f.note("subscribed to %s", frame.Channel)
		return nil
	case "pusher:error":
		return f.complaint(frame)
	}
	if !f.JSON {
		fmt.Fprintf(f.t.out, "%s %s %s %s\n", time.Now().Format("15:04:05.000"),
			printable(frame.Channel), printable(frame.Event), printable(frame.text()))
	}
	if pusher.ReservedEvent(frame.Event) {
		return nil
	}
	if f.printed++; f.printed == f.Count {
		return errEnough
	}
	return nil
}

// welcome takes the socket id and asks for what the person wants.
func (f *follower) welcome(frame *incoming) error {
	var hello struct {
		SocketID        string `json:"socket_id"`
		ActivityTimeout int    `json:"activity_timeout"`
	}
	if err := json.Unmarshal([]byte(frame.text()), &hello); err != nil || hello.SocketID == "" {
		return refused{"its greeting has no socket id"}
	}
	f.socketID, f.established = hello.SocketID, true
	f.client.activity = max(1, time.Duration(hello.ActivityTimeout)) * time.Second
	f.note("connected to %s, socket id %s", f.URL, f.socketID)
	if f.UserID == "" {
		return f.subscribe()
	}
	f.pending = len(f.Channels)
	user := marshal(map[string]string{"id": f.UserID})
	return f.client.send("pusher:signin", map[string]string{
		"auth":      f.Key + ":" + auth.UserSignature(f.Secret, f.socketID, user),
		"user_data": user,
	})
}

func (f *follower) subscribe() error {
	f.pending = len(f.Channels)
	for _, channel := range f.Channels {
		request := map[string]string{"channel": channel}
		kind := pusher.KindOf(channel)
		if kind&pusher.Presence != 0 {
			member := f.UserID
			if member == "" {
				// Each connection is somebody else, as in a browser without a login.
				member = "gannet-" + strings.ToLower(rand.Text()[:8])
			}
			request["channel_data"] = marshal(map[string]string{"user_id": member})
		}
		if kind.NeedsAuth() {
			request["auth"] = f.Key + ":" + f.sign(channel, request)
		}
		if err := f.client.send("pusher:subscribe", request); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) sign(channel string, request map[string]string) string {
	if data, ok := request["channel_data"]; ok {
		return auth.ChannelSignature(f.Secret, f.socketID, channel, &data)
	}
	return auth.ChannelSignature(f.Secret, f.socketID, channel, nil)
}

// complaint handles a pusher:error. One that is not about the connection, and comes while
// a request of ours is open, answers that request: waiting for events would be in vain.
func (f *follower) complaint(frame *incoming) error {
	var e struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal([]byte(frame.text()), &e); err != nil {
		e.Message = frame.text()
	}
	f.lastError = printable(e.Message)
	aboutConnection := e.Code >= 4000 && e.Code <= 4299
	if f.established && !aboutConnection && f.pending > 0 {
		return refused{f.lastError}
	}
	f.note("error %d: %s", e.Code, f.lastError)
	return nil
}

// closedFor words the end of a connection.
func (f *follower) closedFor(err error) error {
	var closed wsutil.ClosedError
	if !errors.As(err, &closed) {
		return fmt.Errorf("the connection broke: %w", err)
	}
	why := orElse(printable(closed.Reason), orElse(f.lastError, "no reason given"))
	hint := ""
	if closed.Code == 4001 {
		hint = "\nCheck --key (GANNET_KEY)."
	}
	return fmt.Errorf("the server closed the connection: %d %s%s", closed.Code, why, hint)
}

// note tells the person about the connection, beside the events.
func (f *follower) note(format string, args ...any) {
	fmt.Fprintf(f.t.errOut, "gannet: "+format+"\n", args...)
}

// printRaw prints a frame as it came but on one line.
func (f *follower) printRaw(raw []byte) {
	var line bytes.Buffer
	if json.Compact(&line, raw) == nil {
		// Control characters are within strings now, where what printable makes of them means the same.
		fmt.Fprintln(f.t.out, printable(line.String()))
	}
}

// printable keeps text on one line and harmless to a terminal: whoever publishes an event
// may not move the cursor of whoever watches.
func printable(text string) string {
	if !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func marshal(value map[string]string) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // a map of strings always has a JSON form
	}
	return string(text)
}
