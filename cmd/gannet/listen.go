package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
)

// A listener is one that is open, with what is configured for it.
type listener struct {
	net.Listener
	*ListenerConfig
}

// name returns the address for people, as they would configure it.
func (l *listener) name() string { return nameOf(l.Addr()) }

func nameOf(addr net.Addr) string {
	if addr.Network() == "unix" {
		return "unix:" + addr.String()
	}
	return addr.String()
}

// listen opens every listener before anything is started, so that an address in use is the
// only thing that happens.
func (s *server) listen() (err error) {
	sockets := inherited{}
	if sockets.byName, err = activation.ListenersWithNames(); err != nil {
		return fmt.Errorf("take the sockets from systemd: %w", err)
	}
	defer func() {
		for _, name := range sockets.rest() {
			s.log.Warn("systemd has passed a socket that no listen address names", "name", name)
		}
		if err != nil {
			s.closeListeners()
		}
	}()
	for i := range s.cfg.Listen {
		sockets.claim(s.cfg.Listen[i].Address)
	}
	sockets.claim(s.cfg.REST.Listen)
	sockets.claim(s.cfg.Admin.Listen)

	for i := range s.cfg.Listen {
		l := &s.cfg.Listen[i]
		opened, err := sockets.open(l)
		if err != nil {
			return err
		}
		for _, ln := range opened {
			s.public = append(s.public, listener{ln, l})
		}
	}
	if s.restOnly, err = sockets.open(&ListenerConfig{Address: s.cfg.REST.Listen}); err != nil {
		return err
	}
	s.adminOnly, err = sockets.open(&ListenerConfig{Address: s.cfg.Admin.Listen})
	return err
}

func (s *server) closeListeners() {
	for _, l := range s.public {
		_ = l.Close() // nothing was accepted from it
	}
	for _, ln := range slices.Concat(s.restOnly, s.adminOnly) {
		_ = ln.Close()
	}
}

// inherited are the listening sockets that systemd has opened for us.
type inherited struct {
	byName  map[string][]net.Listener // those that were not taken yet
	claimed []string                  // the names in addresses
}

// claim notes that address takes the sockets that it names: systemd alone takes the others.
func (s *inherited) claim(address string) {
	if name, ok := systemdName(address); ok && name != "" {
		s.claimed = append(s.claimed, name)
	}
}

// take returns the sockets that an address names, none or several.
func (s *inherited) take(name string) (taken []net.Listener) {
	if name != "" {
		taken = s.byName[name]
		delete(s.byName, name)
		return taken
	}
	for name, sockets := range s.byName {
		if !slices.Contains(s.claimed, name) {
			taken = append(taken, sockets...)
			delete(s.byName, name)
		}
	}
	return taken
}

// rest closes the sockets that nobody took and returns their names.
func (s *inherited) rest() (names []string) {
	for name, sockets := range s.byName {
		for _, ln := range sockets {
			_ = ln.Close() // nothing was accepted from it
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// open returns the listeners of one address: one, or all sockets by one name; none for no address.
func (s *inherited) open(l *ListenerConfig) ([]net.Listener, error) {
	if l.Address == "" {
		return nil, nil
	}
	if name, ok := systemdName(l.Address); ok {
		taken := s.take(name)
		if len(taken) == 0 {
			return nil, fmt.Errorf("listen on %s: systemd has passed no such socket; start the socket unit, whose FileDescriptorName is meant", l.Address)
		}
		return taken, nil
	}
	ln, err := listenOn(l)
	if err != nil {
		return nil, err
	}
	return []net.Listener{ln}, nil
}

func listenOn(l *ListenerConfig) (net.Listener, error) {
	if path, ok := unixPath(l.Address); ok {
		mode, err := parseSocketMode(l.SocketMode)
		if err != nil {
			return nil, err
		}
		return listenUnix(path, mode)
	}
	// gnet sets up keep-alive itself when asked; Go's default would cost four calls a conn.
	config := net.ListenConfig{KeepAlive: -1}
	return config.Listen(context.Background(), "tcp", l.Address)
}

// listenUnix listens on a Unix socket whose file has the given mode from its first moment. A file that
// a process has left which is gone is replaced; closing the listener removes its own.
func listenUnix(path string, mode uint32) (net.Listener, error) {
	listen := func() (net.Listener, error) {
		// The mask is the process's, in which nothing else makes files yet.
		old := syscall.Umask(int(0o777 &^ mode))
		defer syscall.Umask(old)
		return net.Listen("unix", path)
	}
	ln, err := listen()
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(path) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove a socket that nobody uses: %w", err)
		}
		ln, err = listen()
	}
	return ln, err
}

// abandoned reports whether path is a socket on which nobody listens any more.
func abandoned(path string) bool {
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSocket || strings.HasPrefix(path, "@") {
		return false
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close() // somebody is there
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
