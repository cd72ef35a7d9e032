package engine

import "golang.org/x/sys/unix"

// setUserTimeout bounds how long sent data may stay unacknowledged, in milliseconds.
func setUserTimeout(fd, ms int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, ms)
}

// setNotSentLowat bounds the bytes that the kernel takes before it has sent them.
func setNotSentLowat(fd, n int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, n)
}
