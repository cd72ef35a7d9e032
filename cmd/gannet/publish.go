package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher/auth"
)

// maxAnswerBytes bounds what publish reads of an answer.
const maxAnswerBytes = 1 << 20

type publishCommand struct {
	target   `embed:""`
	AppID    string `default:"app-id" env:"GANNET_APP_ID" help:"App id."`
	Channel  string `arg:"" help:"Channel; #server-to-user-ID for one user."`
	Event    string `arg:"" help:"Event name."`
	Data     string `arg:"" help:"Text or JSON, sent as it is; - reads it from standard input."`
	SocketID string `help:"Connection that shall not get the event."`
	Info     string `placeholder:"LIST" help:"Ask for user_count, subscription_count or both, and print the answer."`
}

// Help is shown by "gannet publish --help" between the summary and the arguments.
func (*publishCommand) Help() string {
	return `Sends one signed request to the HTTP API, as a server SDK would. Exits 0 when the server has accepted it.

Examples:

  gannet publish my-channel my-event hello
  gannet publish my-channel my-event '{"price": 42}'
  gannet publish temp reading -- -5
  gannet publish presence-room my-event hello --info user_count,subscription_count
  date | gannet publish my-channel tick -`
}

// trigger is the body of POST /apps/{id}/events.
type trigger struct {
	Name     string   `json:"name"`
	Channels []string `json:"channels"`
	Data     string   `json:"data"`
	SocketID string   `json:"socket_id,omitempty"`
	Info     string   `json:"info,omitempty"`
}

// Run publishes the event and prints what the server answered when Info asked for something.
func (p *publishCommand) Run(t *terminal) error {
	data := p.Data
	if data == "-" {
		text, err := io.ReadAll(t.in)
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		data = strings.TrimSuffix(string(text), "\n")
	}
	body, err := json.Marshal(trigger{Name: p.Event, Channels: []string{p.Channel}, Data: data, SocketID: p.SocketID, Info: p.Info})
	if err != nil {
		return err
	}
	answer, err := p.post(t, body)
	if err != nil {
		return err
	}
	if p.Info != "" {
		_, err = fmt.Fprintln(t.out, strings.TrimSpace(string(answer)))
	}
	return err
}

func (p *publishCommand) post(t *terminal, body []byte) (answer []byte, err error) {
	// The signed path is without the prefix that the server may be mounted under.
	path := "/apps/" + p.AppID + "/events"
	address, err := p.address("http", "/apps/"+url.PathEscape(p.AppID)+"/events")
	if err != nil {
		return nil, err
	}
	address.RawQuery = auth.SignRequest(http.MethodPost, path, nil, body, p.Key, p.Secret, time.Now())
	request, err := http.NewRequestWithContext(t.ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		// url.Error repeats the address with the signature in it.
		if e, ok := err.(*url.Error); ok {
			err = e.Err
		}
		return nil, p.explain(err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return nil, p.explain(err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, refusal(response, answer)
	}
	return answer, nil
}

// refusal words an answer that is not 200.
func refusal(response *http.Response, answer []byte) error {
	text := strings.TrimSpace(string(answer))
	hint := ""
	switch response.StatusCode {
	case http.StatusUnauthorized:
		hint = "\nCheck --app-id, --key and --secret (GANNET_APP_ID, GANNET_KEY, GANNET_SECRET), and that both clocks agree."
	case http.StatusNotFound:
		hint = "\nCheck --app-id (GANNET_APP_ID) and the path in --url."
	}
	return fmt.Errorf("the server answered %s: %s%s", response.Status, orElse(text, "(no text)"), hint)
}
