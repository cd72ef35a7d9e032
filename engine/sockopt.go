package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// setSocketOptions sets what is wanted of each conn. A listener would hand its options down
// without a call a conn, but not to those that came before it had them. Failure is no reason
// to refuse a conn, and expected of Unix sockets.
func (e *Engine) setSocketOptions(fd int) {
	// Urgent data would make epoll report the socket for ever: gnet never reads it. In line
	// it is ordinary input.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
	if d := e.cfg.UserTimeout; d > 0 {
		_ = setUserTimeout(fd, int(d/time.Millisecond))
	}
	if n := e.cfg.SendBuffer; n > 0 {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, n)
	}
	if n := e.cfg.NotSentLowat; n > 0 {
		_ = setNotSentLowat(fd, n)
	}
}
