package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"syscall"
)

// defaultURL is where a development server listens.
const defaultURL = "http://" + devListen

// A target is the server and app that a client command talks to.
type target struct {
	URL    string `default:"http://127.0.0.1:6001" env:"GANNET_URL" help:"Server, with the path prefix if it has one."`
	Key    string `default:"app-key" env:"GANNET_KEY,GANNET_APP_KEY" help:"App key."`
	Secret string `default:"app-secret" env:"GANNET_SECRET,GANNET_APP_SECRET" placeholder:"SECRET" help:"App secret; better in the environment, where other users cannot see it."`
}

// address returns the URL with the wanted one of the schemes http and ws, or its TLS
// twin, and path appended. URL may be written with either.
func (t *target) address(scheme, path string) (*url.URL, error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is not a URL such as http://127.0.0.1:6001", t.URL)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = scheme
	case "https", "wss":
		u.Scheme = scheme + "s"
	default:
		return nil, fmt.Errorf("%q: the scheme must be http, https, ws or wss", t.URL)
	}
	return u.JoinPath(path), nil
}

// explain turns a failure to reach the server into advice where there is any.
func (t *target) explain(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("nothing listens at %s; start a server with \"gannet serve --dev\", or say where it is with --url or GANNET_URL",
			strings.TrimSuffix(t.URL, "/"))
	}
	return fmt.Errorf("%s: %w", t.URL, err)
}
