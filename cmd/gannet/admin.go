package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/gannet-io/gannet/pusher/allow"
)

// The words of AdminConfig.Public.
const (
	publicHealth  = "health"
	publicMetrics = "metrics"
)

// A token is not held back when it is guessed at, so it has to be long; a password is.
const (
	minToken    = 16
	minPassword = 8
)

// openAdmin says why the admin listener does not start.
const openAdmin = "others can reach this address, so it needs a secret: set admin.token or admin.password, or listen on 127.0.0.1 or a Unix socket"

// soketiPrefix is what names of metrics may begin with.
var soketiPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]*_$`)

func (r *reading) checkAdmin(a *AdminConfig) {
	r.checkEntries("admin.hosts", a.Hosts, allow.CheckHost)
	if a.SoketiPrefix != "" && (!soketiPrefix.MatchString(a.SoketiPrefix) || strings.HasPrefix(a.SoketiPrefix, "gannet_")) {
		r.bad("admin.soketi_prefix", "want small letters, digits and _ with _ at the end, such as soketi_ or sockudo_, got %q", a.SoketiPrefix)
	}
	if a.ConsoleURL != "" {
		switch u, err := url.Parse(a.ConsoleURL); {
		case strings.Contains(a.ConsoleURL, "@"):
			r.bad("admin.console_url", "user and password do not go into the URL, since other nodes show it")
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
			r.bad("admin.console_url", "want a URL such as https://n1.example.com/, got %q", a.ConsoleURL)
		}
	}
	for i, word := range a.Public {
		r.checkWord(fmt.Sprintf("admin.public[%d]", i), word, publicHealth, publicMetrics)
	}
	for _, s := range []struct {
		key, secret string
		least       int
	}{{"admin.token", string(a.Token), minToken}, {"admin.password", string(a.Password), minPassword}} {
		if s.secret != "" {
			if err := checkSecret(s.secret, s.least); err != nil {
				r.bad(s.key, "%s", err)
			}
		}
	}
	if a.Listen != "" && !a.guarded() && mayBeReached(a.Listen) {
		r.bad("admin.listen", "%s", openAdmin)
	}
}

func checkSecret(secret string, least int) error {
	if len(secret) < least {
		return fmt.Errorf("must be at least %d characters long", least)
	}
	if strings.ContainsFunc(secret, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return errors.New("must be one line, without control characters")
	}
	return nil
}

// guarded reports whether there is a secret.
func (a *AdminConfig) guarded() bool {
	return a.Token != "" || a.TokenFile != "" || a.Password != "" || a.PasswordFile != ""
}

// mayBeReached reports whether an address in the configuration is one that other machines reach. What systemd will pass is
// not known yet, and what is no address has been complained about.
func mayBeReached(address string) bool {
	if _, ok := unixPath(address); ok {
		return false
	}
	if _, ok := systemdName(address); ok {
		return false
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil || strings.EqualFold(host, "localhost") {
		return false // where localhost is will be seen when it is listened on
	}
	addr, err := netip.ParseAddr(host)
	return err != nil || !addr.Unmap().IsLoopback()
}

// checkReach returns an error when others can reach one of the listeners and there is no secret.
func (a *AdminConfig) checkReach(listeners []net.Listener) error {
	if a.guarded() {
		return nil
	}
	for _, ln := range listeners {
		if tcp, ok := ln.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
			return fmt.Errorf("admin.listen: %s: %s", nameOf(ln.Addr()), openAdmin)
		}
	}
	return nil
}

// secrets returns the token and the password, "" for none, from wherever they are. May block on files.
func (a *AdminConfig) secrets() (token, password string, err error) {
	if token, err = secretOf(a.Token, a.TokenFile, minToken); err != nil {
		return "", "", fmt.Errorf("admin.token_file: %w", err)
	}
	if password, err = secretOf(a.Password, a.PasswordFile, minPassword); err != nil {
		return "", "", fmt.Errorf("admin.password_file: %w", err)
	}
	return token, password, nil
}

func secretOf(secret Secret, file string, least int) (string, error) {
	if file == "" {
		return string(secret), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %s", file, reasonOf(err))
	}
	line := strings.TrimRight(string(text), "\r\n")
	if err := checkSecret(line, least); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return line, nil
}

// public reports whether word is in Public.
func (a *AdminConfig) public(word string) bool { return slices.Contains(a.Public, word) }

// portOf returns the port of an address, "" when it has none.
func portOf(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

// consoleURL returns where people reach the console, and whether that is from this machine alone; "" when nobody can know.
func (s *server) consoleURL() (address string, local bool) {
	if s.cfg.Admin.ConsoleURL != "" {
		return strings.TrimSuffix(s.cfg.Admin.ConsoleURL, "/") + "/", false
	}
	for _, ln := range s.adminOnly {
		// On an address of all, only who is there knows by which it is reached.
		if tcp, ok := ln.Addr().(*net.TCPAddr); ok && !tcp.IP.IsUnspecified() {
			return s.cfg.Admin.TLS.scheme() + "://" + tcp.String() + "/", tcp.IP.IsLoopback()
		}
	}
	return "", false
}
