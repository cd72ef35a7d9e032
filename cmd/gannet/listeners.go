package main

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gannet-io/gannet/engine"
)

// Listeners are the public ones. In the file they are one address, or a list of addresses and of
// mappings with an address; in a variable or flag addresses with commas between.
type Listeners []ListenerConfig

// ListenerConfig says what holds for one public listener. The zero value of every field but
// Address stands for what the process has configured for all.
type ListenerConfig struct {
	Address       string `yaml:"address"`        // host:port, unix:PATH, systemd or systemd:NAME
	SocketMode    string `yaml:"socket_mode"`    // of a Unix socket, octal; "": 0660
	ProxyProtocol string `yaml:"proxy_protocol"` // off, optional, required; "": proxies.proxy_protocol
	Compression   string `yaml:"compression"`    // off, on; "": websocket.compression
}

// at returns listeners at addresses, with nothing else configured.
func at(addresses ...string) Listeners {
	list := make(Listeners, 0, len(addresses))
	for _, address := range addresses {
		list = append(list, ListenerConfig{Address: address})
	}
	return list
}

// String returns the addresses.
func (l Listeners) String() string {
	addresses := make([]string, 0, len(l))
	for i := range l {
		addresses = append(addresses, l[i].Address)
	}
	return strings.Join(addresses, ",")
}

// engine returns what the engine is to know of the listener.
func (l *ListenerConfig) engine(cfg *Config) engine.ListenerConfig {
	return engine.ListenerConfig{
		ProxyProtocol: proxyProtocol[cmp.Or(l.ProxyProtocol, cfg.Proxies.ProxyProtocol)],
		Deflate:       cmp.Or(l.Compression, cfg.WebSocket.Compression) == compressionOn,
	}
}

// defaultSocketMode lets the group in: connecting needs the right to write.
const defaultSocketMode = 0o660

func parseSocketMode(text string) (uint32, error) {
	if text == "" {
		return defaultSocketMode, nil
	}
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || mode > 0o777 {
		return 0, fmt.Errorf("want a file mode in octal such as 0660, got %q", text)
	}
	return uint32(mode), nil
}

// unixPath returns the path of an address of the form unix:PATH.
func unixPath(address string) (string, bool) { return strings.CutPrefix(address, "unix:") }

// systemdName returns the name in an address of the form systemd:NAME, "" for systemd alone.
func systemdName(address string) (string, bool) {
	if address == "systemd" {
		return "", true
	}
	return strings.CutPrefix(address, "systemd:")
}

func (r *reading) checkListeners(c *Config) {
	if len(c.Listen) == 0 {
		r.bad("listen", "must not be empty; :6001 listens on every address")
	}
	// Where each address was first seen.
	taken := make(map[string]string)
	claim := func(path, address string) {
		if address == "" || strings.HasSuffix(address, ":0") {
			return
		}
		if other, ok := taken[address]; ok {
			r.bad(path, "%q is taken by %s", address, other)
			return
		}
		taken[address] = path
	}
	for i := range c.Listen {
		l, path := &c.Listen[i], fmt.Sprintf("listen[%d]", i)
		if _, list := r.where[path]; !list && len(c.Listen) == 1 {
			path = "listen"
		}
		r.checkAddress(l.Address, path, true)
		claim(path, l.Address)
		if _, err := parseSocketMode(l.SocketMode); err != nil {
			r.bad(path+".socket_mode", "%s", err)
		} else if _, unix := unixPath(l.Address); l.SocketMode != "" && !unix {
			r.bad(path+".socket_mode", "is for Unix sockets, and %q is none", l.Address)
		}
		if l.Compression != "" {
			r.checkWord(path+".compression", l.Compression, compressionOff, compressionOn)
		}
		if l.ProxyProtocol != "" {
			r.checkProxyProtocol(path+".proxy_protocol", l.ProxyProtocol, &c.Proxies)
		}
	}
	r.checkAddress(c.Admin.Listen, "admin.listen", false)
	r.checkAddress(c.REST.Listen, "rest.listen", false)
	claim("admin.listen", c.Admin.Listen)
	claim("rest.listen", c.REST.Listen)
}

func (r *reading) checkAddress(address, path string, required bool) {
	if address == "" {
		if required {
			r.bad(path, "must not be empty; :6001 listens on every address")
		}
		return
	}
	if file, ok := unixPath(address); ok {
		// The longest name of a socket that the kernel takes, with the byte that ends it.
		const most = 107
		switch {
		case file == "":
			r.bad(path, "want a path behind unix:, such as unix:/run/gannet/gannet.sock")
		case len(file) > most:
			r.bad(path, "the path of a Unix socket must be at most %d bytes long, got %d", most, len(file))
		}
		return
	}
	if name, ok := systemdName(address); ok {
		if name == "" && address != "systemd" {
			r.bad(path, "want a name behind systemd:, as in FileDescriptorName of the socket unit, or systemd alone")
		}
		return
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		r.bad(path, "want host:port or :port such as :6001, unix:PATH or systemd:NAME, got %q", address)
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		r.bad(path, "the port must be a number from 0 to 65535, got %q", address)
	}
}
