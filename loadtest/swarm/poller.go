//go:build linux

package swarm

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A poller is an epoll instance. It waits with the precision of the kernel's timers, not the
// millisecond of epoll_wait, because publishes fall due in between.
type poller struct {
	fd     int
	events [512]unix.EpollEvent
	coarse bool // the kernel has no epoll_pwait2 (before Linux 5.11)
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create: %w", err)
	}
	return &poller{fd: fd}, nil
}

// watch registers a socket, or changes what is watched for. slot and mark come back with events.
func (p *poller) watch(op int, fd int32, slot int32, mark uint32, events uint32) error {
	// The 64 bits of user data are our own; the package calls them Fd and Pad.
	return unix.EpollCtl(p.fd, op, int(fd), &unix.EpollEvent{Events: events, Fd: slot, Pad: int32(mark)})
}

// wait returns the ready sockets, at the latest after the timeout. It first looks without
// sleeping, which is all that is needed under load.
func (p *poller) wait(timeout time.Duration) []unix.EpollEvent {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), uintptr(len(p.events)), 0, 0, 0)
	if errno == 0 && n > 0 {
		return p.events[:n]
	}
	if timeout <= 0 {
		return nil
	}
	if !p.coarse {
		ts := unix.NsecToTimespec(int64(timeout))
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
		switch errno {
		case 0:
			return p.events[:n]
		case unix.ENOSYS:
			p.coarse = true
		default:
			return nil
		}
	}
	got, err := unix.EpollWait(p.fd, p.events[:], int((timeout+time.Millisecond-1)/time.Millisecond))
	if err != nil {
		return nil
	}
	return p.events[:got]
}

func (p *poller) close() { _ = unix.Close(p.fd) }
