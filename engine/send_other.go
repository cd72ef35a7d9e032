//go:build unix && !linux

package engine

import "golang.org/x/sys/unix"

// send hands b to the kernel without blocking and returns how much it took: 0 and no error
// when the socket is full. gnet has made the socket non-blocking.
func send(fd int32, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, err := unix.Write(int(fd), b)
		switch err {
		case nil:
			return n, nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, err
		}
	}
}
