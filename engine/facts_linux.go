package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

func kernelFacts(fd int) (unacked int, rtt time.Duration, ok bool) {
	unacked, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return 0, 0, false
	}
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return unacked, 0, false // a Unix socket
	}
	return unacked, time.Duration(info.Rtt) * time.Microsecond, true
}
