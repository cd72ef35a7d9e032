package engine

import (
	"errors"
	"net"
)

// A ListenerConfig says what is particular to the conns of one listener. The zero value is plain
// TCP whose peers may or may not be proxies (Config.Trust).
type ListenerConfig struct {
	ProxyProtocol ProxyProtocol
	// Deflate accepts permessage-deflate from clients that offer it (RFC 7692).
	Deflate bool
}

// maxListeners is how many listeners an engine may have had in its life: a conn names its own
// by a byte.
const maxListeners = 255

// Serve is ServeWith with the zero ListenerConfig.
func (e *Engine) Serve(ln net.Listener) error { return e.ServeWith(ln, ListenerConfig{}) }

// addListener makes e accept from ln, whose conns get the index in Engine.listening.
func (e *Engine) addListener(ln net.Listener, cfg *ListenerConfig) (index uint8, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining.Load() {
		return 0, ErrStopped
	}
	if len(e.listeners) == maxListeners {
		return 0, errors.New("engine: too many listeners")
	}
	e.listeners = append(e.listeners, ln)
	n := len(e.listeners)
	e.listening[n] = cfg
	e.accepting.Add(acceptors)
	return uint8(n), nil
}

// Listener returns what holds for the conns of the listener that c came from. Shared. Loop-only.
func (c *Conn) Listener() *ListenerConfig { return c.loop.eng.listening[c.listener] }
