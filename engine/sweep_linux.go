package engine

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acceptWaiting accepts a conn from a listener without waiting for one. The error is EAGAIN when there is none.
func acceptWaiting(raw syscall.RawConn) (conn net.Conn, err error) {
	fd := -1
	if cerr := raw.Control(func(ln uintptr) {
		for {
			fd, _, err = unix.Accept4(int(ln), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if err != unix.EINTR && err != unix.ECONNABORTED {
				return
			}
		}
	}); cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, err
	}
	return connOf(fd)
}
