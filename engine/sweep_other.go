//go:build unix && !linux

package engine

import (
	"net"
	"syscall"
)

// acceptWaiting would have to set up the descriptor by itself, and is left to Linux.
func acceptWaiting(syscall.RawConn) (net.Conn, error) { return nil, syscall.EAGAIN }
