package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/gannet-io/gannet/engine/certs"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook"
)

// webhooksCommand groups what operators do about webhooks.
type webhooksCommand struct {
	List    webhooksListCommand    `cmd:"" help:"Say which webhooks there are, and how they are doing."`
	Dead    webhooksDeadCommand    `cmd:"" help:"List dead letters: what was given up."`
	Replay  webhooksReplayCommand  `cmd:"" help:"Send dead letters again."`
	Discard webhooksDiscardCommand `cmd:"" help:"Forget dead letters."`
	Test    webhooksTestCommand    `cmd:"" help:"Send a signed sample to a webhook and show its answer."`
}

// An office is the admin listener of a server, which answers the commands.
type office struct {
	Admin string `default:"http://127.0.0.1:9601" env:"GANNET_ADMIN_URL" placeholder:"URL" help:"Admin listener of the server: http://HOST:PORT, https://HOST:PORT or unix:PATH."`
	Token Secret `env:"GANNET_ADMIN_TOKEN" placeholder:"TOKEN" help:"The server's admin.token, if it has one."`
	CA    string `name:"ca" env:"GANNET_ADMIN_CA" placeholder:"FILE" help:"PEM file with who vouches for an admin listener with TLS; the system's authorities unless set."`
	Cert  string `env:"GANNET_ADMIN_CERT" placeholder:"FILE" help:"PEM file with a certificate to show it, if it asks for one."`
	Key   string `env:"GANNET_ADMIN_KEY" placeholder:"FILE" help:"PEM file with the private key of that."`
	JSON  bool   `name:"json" help:"Print the server's answer as it is."`
}

// ask sends a request to the API and decodes the answer into to. It prints the answer, and done is true, when JSON is wanted.
func (o *office) ask(t *terminal, method, path string, body, to any) (done bool, err error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return false, err
		}
		in = bytes.NewReader(text)
	}
	client, base, err := o.client()
	if err != nil {
		return false, err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.ctx, method, base+path, in)
	if err != nil {
		return false, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if o.Token != "" {
		request.Header.Set("Authorization", "Bearer "+string(o.Token))
	}
	request.Header.Set("X-Gannet-Request", "1") // that no page in a browser has made it
	response, err := client.Do(request)
	if err != nil {
		return false, o.explain(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return false, o.explain(err)
	}
	if response.StatusCode != http.StatusOK {
		return false, o.refusal(response, text)
	}
	if o.JSON {
		_, err := fmt.Fprintln(t.out, printable(strings.TrimSpace(string(text))))
		return true, err
	}
	return false, json.Unmarshal(text, to)
}

func (o *office) client() (*http.Client, string, error) {
	client := &http.Client{Timeout: 2 * time.Minute}
	if path, ok := unixPath(o.Admin); ok {
		client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}}
		return client, "http://admin", nil
	}
	u, err := url.Parse(o.Admin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, "", fmt.Errorf("%q is not a URL such as http://127.0.0.1:9601, or unix:PATH", o.Admin)
	}
	trust, err := o.tls()
	if err != nil {
		return nil, "", err
	}
	client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, TLSHandshakeTimeout: 10 * time.Second}
	return client, strings.TrimSuffix(o.Admin, "/"), nil
}

// tls returns whom to trust and what to show.
func (o *office) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		text, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %s: %s", o.CA, reasonOf(err))
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca: %s: holds no certificate in PEM", o.CA)
		}
	}
	if o.Cert == "" && o.Key == "" {
		return config, nil
	}
	l, err := certs.Pair{Cert: o.Cert, Key: cmp.Or(o.Key, o.Cert)}.Load() // they may be in one file
	if err != nil {
		return nil, fmt.Errorf("--cert, --key: %w", err)
	}
	config.Certificates = []tls.Certificate{l.Certificate}
	return config, nil
}

func (o *office) explain(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("no server has its admin listener at %s; say where it is with --admin or GANNET_ADMIN_URL", o.Admin)
	}
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return fmt.Errorf("%s: %w; say who vouches for it with --ca or GANNET_ADMIN_CA", o.Admin, err)
	}
	return fmt.Errorf("%s: %w", o.Admin, err)
}

func (o *office) refusal(response *http.Response, text []byte) error {
	if response.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("%s wants the server's admin.token: give it with --token or GANNET_ADMIN_TOKEN", o.Admin)
	}
	var said struct{ Error string }
	if json.Unmarshal(text, &said) == nil && said.Error != "" {
		return errors.New(said.Error)
	}
	return fmt.Errorf("%s answered %s: it is no admin listener of Gannet, or of an older one", o.Admin, response.Status)
}

type webhooksListCommand struct{ office }

// Run prints a line for each webhook.
func (c *webhooksListCommand) Run(t *terminal) error {
	var states webhook.States
	if done, err := c.ask(t, "GET", "/api/webhooks", nil, &states); done || err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "APP\tWEBHOOK\tSTATE\tQUEUED\tOLDEST\tURL")
	for _, s := range states.Webhooks {
		state, oldest := "fine", "-"
		if s.Failing {
			state = "failing"
		}
		if s.Oldest != nil {
			oldest = time.Since(*s.Oldest).Round(time.Second).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", s.App, s.Webhook, state, s.Queued, oldest, s.URL)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(t.out, "%d dead letters\n", states.DeadLetters)
	return err
}

type webhooksDeadCommand struct {
	office
	App     string `arg:"" optional:"" help:"Only of this app."`
	Webhook string `arg:"" optional:"" help:"Only of this webhook of it."`
	Before  string `placeholder:"ID" help:"Go on behind this one."`
	Limit   int    `default:"50" help:"At most so many, up to 1000."`
}

// Run prints dead letters, the latest first.
func (c *webhooksDeadCommand) Run(t *terminal) error {
	query := url.Values{"limit": {fmt.Sprint(c.Limit)}}
	for name, value := range map[string]string{"app": c.App, "webhook": c.Webhook, "before": c.Before} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var letters webhook.Letters
	if done, err := c.ask(t, "GET", "/api/webhooks/dead?"+query.Encode(), nil, &letters); done || err != nil {
		return err
	}
	if len(letters.Dead) == 0 {
		fmt.Fprintln(t.errOut, "no dead letters")
		return nil
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tAPP\tWEBHOOK\tREASON\tTRIES\tDIED\tEVENTS")
	for _, d := range letters.Dead {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", d.ID, d.App, d.Webhook, d.Reason, d.Tries, d.Died.Local().Format(time.DateTime), printable(string(d.Events))) // clients write their events
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if letters.Next != "" {
		fmt.Fprintf(t.errOut, "there may be more: --before %s\n", letters.Next)
	}
	return nil
}

// choice is which dead letters are meant.
type choice struct {
	IDs     []string `arg:"" optional:"" name:"id" help:"IDs of dead letters, as \"gannet webhooks dead\" prints them."`
	App     string   `help:"All of this app."`
	Webhook string   `help:"All of this webhook, with --app."`
	All     bool     `help:"All there are."`
}

func (c *choice) body() webhook.Choice {
	return webhook.Choice{IDs: c.IDs, App: c.App, Webhook: c.Webhook, All: c.All}
}

type webhooksReplayCommand struct {
	office
	choice `embed:""`
}

// Help is shown by "gannet webhooks replay --help" between the summary and the arguments.
func (*webhooksReplayCommand) Help() string {
	return `Puts dead letters back into their queues, the oldest first, as long as there is room. They tell of the
past: receivers may have heard of what came after, and know them by X-Gannet-Delivery.

Examples:

  gannet webhooks replay 1f0c9a3b77e2-1042
  gannet webhooks replay --app my-app --webhook hooks.example.com
  gannet webhooks replay --all`
}

// Run replays dead letters and prints how many.
func (c *webhooksReplayCommand) Run(t *terminal) error {
	var done webhook.Done
	if shown, err := c.ask(t, "POST", "/api/webhooks/replay", c.body(), &done); shown || err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%d sent again\n", done.Letters)
	if done.Stopped != "" {
		return fmt.Errorf("the rest are dead letters still: %s", done.Stopped)
	}
	return nil
}

type webhooksDiscardCommand struct {
	office
	choice `embed:""`
}

// Run forgets dead letters and prints how many.
func (c *webhooksDiscardCommand) Run(t *terminal) error {
	var done webhook.Done
	if shown, err := c.ask(t, "POST", "/api/webhooks/discard", c.body(), &done); shown || err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%d forgotten\n", done.Letters)
	return nil
}

type webhooksTestCommand struct {
	office
	App     string `arg:"" help:"App id."`
	Webhook string `arg:"" optional:"" help:"Name of the webhook; not needed where the app has one."`
	Event   string `default:"channel_occupied" help:"Kind of event."`
	Config  string `short:"c" placeholder:"FILE" help:"Send from here, as a server with this configuration would; none need run."`
	Dev     bool   `help:"With --config: allow private addresses, as a server with --dev does."`
}

// Help is shown by "gannet webhooks test --help" between the summary and the arguments.
func (*webhooksTestCommand) Help() string {
	return `Exits 0 when the receiver has answered with 2XX.

Examples:

  gannet webhooks test my-app
  gannet webhooks test my-app hooks.example.com --event member_added
  gannet webhooks test my-app --config gannet.yaml`
}

// Run sends a sample and prints what came back.
func (c *webhooksTestCommand) Run(t *terminal) error {
	var r webhook.TrialResult
	if c.Config == "" {
		trial := webhook.Trial{App: c.App, Webhook: c.Webhook, Event: c.Event}
		if done, err := c.ask(t, "POST", "/api/webhooks/test", trial, &r); done || err != nil {
			return err
		}
	} else {
		var err error
		if r, err = c.send(t); err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(t.out).Encode(r)
		}
	}
	fmt.Fprintf(t.out, "sent to %s: %s\n", r.Webhook, r.Sent)
	if r.Error != "" {
		return fmt.Errorf("no answer after %d ms (%s): %s", r.Millis, r.Reason, r.Error)
	}
	fmt.Fprintf(t.out, "answered after %d ms: %d %s\n", r.Millis, r.Status, http.StatusText(r.Status))
	if body := strings.TrimSpace(r.Body); body != "" {
		fmt.Fprintln(t.out, printable(body))
	}
	if !r.OK {
		return fmt.Errorf("%d is not 2XX: it would be sent again", r.Status)
	}
	return nil
}

// send makes the request from this process.
func (c *webhooksTestCommand) send(t *terminal) (r webhook.TrialResult, err error) {
	cfg, err := Load(Sources{File: c.Config, Environ: t.environ, Dev: c.Dev})
	if err != nil {
		return r, err
	}
	kind, ok := pusher.ParseHook(c.Event)
	if !ok {
		return r, fmt.Errorf("there is no event %q", c.Event)
	}
	a, hook, err := findHook(cfg.Registered(), c.App, c.Webhook)
	if err != nil {
		return r, err
	}
	sent, answer, err := webhook.Test(t.ctx, a, hook, cfg.targets(), agent(), kind)
	if err != nil {
		return r, err
	}
	return answer.Result(hook.Name, sent), nil
}

func findHook(apps []*app.App, id, name string) (*app.App, *app.Webhook, error) {
	for _, a := range apps {
		if a.ID != id {
			continue
		}
		var names []string
		for i := range a.Webhooks {
			if hook := &a.Webhooks[i]; hook.Name == name || name == "" && len(a.Webhooks) == 1 {
				return a, hook, nil
			}
			names = append(names, a.Webhooks[i].Name)
		}
		if len(names) == 0 {
			return nil, nil, fmt.Errorf("app %q has no webhooks", id)
		}
		return nil, nil, fmt.Errorf("say which webhook of app %q: %s", id, strings.Join(names, ", "))
	}
	return nil, nil, fmt.Errorf("there is no app %q", id)
}
