package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/auth"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
	"github.com/gannet-io/gannet/pusher/wire"
)

// Bounds of what is read of an answer, whose text nobody needs but a person who tries.
const (
	maxHeadBytes  = 64 << 10
	maxBodyBytes  = 64 << 10 // beyond it the connection is not used again
	maxShownBytes = 4 << 10
)

// keepIdle is how long a connection to a receiver is kept without a request.
const keepIdle = 30 * time.Second

// fresh is the age up to which a body keeps its time. Pusher's Python library refuses bodies that are 300 s old; the
// request itself and the clocks need some of them.
const fresh = 270 * time.Second

// A receiver is where one webhook goes. Any goroutine.
type receiver struct {
	app    string
	hook   *app.Webhook
	key    app.Key
	url    *url.URL
	client http.RoundTripper
	close  func()
	agent  string
}

// newReceiver returns the receiver of hook, with connections of its own.
func newReceiver(a *app.App, hook *app.Webhook, targets *Targets, agent string) (*receiver, error) {
	address, err := url.Parse(hook.URL)
	if err != nil {
		return nil, errors.New("the URL cannot be parsed") // by the check of the app it can, and the error would show it
	}
	r := &receiver{app: a.ID, hook: hook, key: hook.Key, url: address, agent: agent}
	if r.key.Key == "" {
		r.key = a.Keys[0]
	}
	config, err := tlsConfig(hook)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Control: targets.control, KeepAlive: -1}
	var protocols http.Protocols
	protocols.SetHTTP1(true) // the PHP library looks headers up by their case
	transport := &http.Transport{
		// No Proxy: it would be the proxy's address that is checked.
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    hook.Workers,
		IdleConnTimeout:        keepIdle,
		MaxResponseHeaderBytes: maxHeadBytes,
	}
	r.client, r.close = transport, transport.CloseIdleConnections
	return r, nil
}

// tlsConfig reads the files that hook names. A client certificate is read again at each handshake, so that it can be renewed.
func tlsConfig(hook *app.Webhook) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if hook.AuthoritiesFile != "" {
		text, err := os.ReadFile(hook.AuthoritiesFile)
		if err != nil {
			return nil, fmt.Errorf("certificate authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("certificate authorities: no certificate in %s", hook.AuthoritiesFile)
		}
	}
	if hook.CertFile == "" {
		return config, nil
	}
	read := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(hook.CertFile, hook.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		return &pair, nil
	}
	if _, err := read(nil); err != nil {
		return nil, err
	}
	config.GetClientCertificate = read
	return config, nil
}

// CheckFiles returns what is wrong with the files that hook names.
func CheckFiles(hook *app.Webhook) error {
	_, err := tlsConfig(hook)
	return err
}

// An Answer is what came of one request.
type Answer struct {
	Status int           // 0: there was none
	Header http.Header   // nil without a status
	Body   []byte        // the first 4 KiB
	Took   time.Duration // until the status was there, or it failed
	Err    error         // why there was no status
}

// A delivery is one request to be made.
type delivery struct {
	id      string
	attempt int
	created time.Time
	events  []byte
}

// send makes one request. The context ends it early. May block, at most for the webhook's timeout.
func (r *receiver) send(ctx context.Context, d *delivery, now time.Time) (a Answer) {
	ctx, cancel := context.WithTimeout(ctx, r.hook.Timeout)
	defer cancel()
	started := time.Now()
	response, err := r.client.RoundTrip(r.request(ctx, d, now))
	a.Took = time.Since(started)
	if err != nil {
		a.Err = err
		return a
	}
	defer response.Body.Close()
	a.Status, a.Header = response.StatusCode, response.Header
	// The receiver has said what it thinks; whether the rest of its answer arrives is of no consequence.
	a.Body, _ = io.ReadAll(io.LimitReader(response.Body, maxShownBytes))
	_, _ = io.CopyN(io.Discard, response.Body, maxBodyBytes)
	return a
}

func (r *receiver) request(ctx context.Context, d *delivery, now time.Time) *http.Request {
	created := d.created
	if age := now.Sub(created); age > fresh || age < -fresh {
		created = now
	}
	body := wire.AppendWebhook(make([]byte, 0, len(d.events)+64), created.UnixMilli(), d.events)
	request := (&http.Request{
		Method: http.MethodPost,
		URL:    r.url,
		Host:   r.url.Host,
		Header: make(http.Header, 8+len(r.hook.Headers)),
		Body:   io.NopCloser(bytes.NewReader(body)),
		// So that an idle connection which the receiver has just closed costs no try.
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
		ContentLength: int64(len(body)),
	}).WithContext(ctx)
	for _, h := range r.hook.Headers {
		request.Header.Add(h.Name, h.Value)
	}
	set := func(name, value string) { request.Header[name] = []string{value} }
	if request.Header.Get("User-Agent") == "" {
		set("User-Agent", r.agent)
	}
	// Exactly so: the Node library takes no charset, the PHP library no other case.
	set("Content-Type", "application/json")
	set("X-Pusher-Key", r.key.Key)
	set("X-Pusher-Signature", auth.WebhookSignature(r.key.Secret, body))
	set("X-Gannet-Delivery", d.id)
	set("X-Gannet-Attempt", strconv.Itoa(d.attempt))
	return request
}

// result judges an answer. A receiver that says that this batch is not to its liking may like the next one; anything else is
// about the receiver.
func (a *Answer) result() outbox.Result {
	if a.Err != nil {
		return outbox.Result{Reason: reasonOf(a.Err), Receiver: true}
	}
	r := outbox.Result{Receiver: true}
	switch status := a.Status; {
	case status >= 200 && status < 300:
		r.OK = true
	case status >= 300 && status < 400:
		r.Reason = "redirect"
	case status >= 400 && status < 500:
		r.Reason = "4xx"
		switch status {
		case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			r.Receiver = false
		}
	case status >= 500 && status < 600:
		r.Reason = "5xx"
	default:
		r.Reason = "status"
	}
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil && seconds > 0 {
		r.After = time.Duration(min(seconds, 3600)) * time.Second
	}
	return r
}

// failureReasons are all that reasonOf and result say, for metrics.
var failureReasons = []string{"denied", "timeout", "dns", "refused", "tls", "connection", "redirect", "4xx", "5xx", "status"}

// reasonOf names the kind of an error of a request.
func reasonOf(err error) string {
	var (
		denied   *DeniedError
		dns      *net.DNSError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		timeout  interface{ Timeout() bool }
		hostname x509.HostnameError
	)
	switch {
	case errors.As(err, &denied):
		return "denied"
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.As(err, &dns):
		return "dns"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &hostname):
		return "tls"
	}
	return "connection"
}
