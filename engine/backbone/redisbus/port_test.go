package redisbus_test

import (
	"syscall"
	"testing"
)

// freePort returns a port of 127.0.0.1 that is this test's until it ends, whoever listens on it, stops and listens again. A socket that is bound
// and does not listen keeps it: the kernel gives such a port to nobody who leaves the choice to it, neither to listen nor to connect from, and
// lets servers listen on it, which all say SO_REUSEADDR. A port that had only been free a moment ago could be anybody's by now.
func freePort(t testing.TB) int {
	t.Helper()
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return at.(*syscall.SockaddrInet4).Port
}
