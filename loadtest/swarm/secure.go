//go:build linux

package swarm

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// crypto/tls cannot be asked again when a handshake had to wait, so each is done by a goroutine,
// on a duplicate of the socket. Then the worker goes on with its own, and reads what is there:
// "nothing now" is a temporary error, after which a tls.Conn can be read again.

// clientTLS accepts every certificate: the generator measures, and sends nothing of value.
var clientTLS = &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}, DynamicRecordSizingDisabled: true}

// A secure is what a conn has for TLS.
type secure struct {
	tls    *tls.Conn
	socket net.Conn // during the handshake
	fd     int32
	sealed []byte // what tls has written; emptied by who sends it
	more   bool   // the last read has left something in tls
}

// A shaken is a handshake that has ended.
type shaken struct {
	slot int32
	mark uint32
	s    *secure
	err  error
}

// shakes are the handshakes of a worker.
type shakes struct {
	under int // way; owned by the worker

	mu   sync.Mutex
	done []shaken // guarded by mu
}

// shake begins the handshake of a conn that is open.
func (w *worker) shake(slot int32) {
	c := &w.conns[slot]
	// The duplicate is the goroutine's; epoll shall not report what it waits for.
	if err := w.poll.watch(unix.EPOLL_CTL_MOD, c.fd, slot, c.mark, 0); err != nil {
		w.lose(slot, "epoll: "+err.Error())
		return
	}
	dup, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		w.lose(slot, explain(err))
		return
	}
	c.state = stateShaking
	w.shakes.under++
	it := shaken{slot: slot, mark: c.mark, s: &secure{fd: c.fd}}
	go func() {
		it.err = it.s.handshake(dup)
		w.shakes.mu.Lock()
		w.shakes.done = append(w.shakes.done, it)
		w.shakes.mu.Unlock()
	}()
}

func (s *secure) handshake(dup int) error {
	f := os.NewFile(uintptr(dup), "")
	socket, err := net.FileConn(f)
	_ = f.Close() // FileConn has duplicated it once more
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := socket.SetDeadline(time.Now().Add(openTimeout)); err != nil {
		return err
	}
	s.socket = socket
	s.tls = tls.Client(s, clientTLS)
	err = s.tls.Handshake()
	s.socket = nil
	return err
}

// finishShakes goes on with the conns whose handshakes have ended.
func (w *worker) finishShakes() {
	if w.shakes.under == 0 {
		return
	}
	w.shakes.mu.Lock()
	done := w.shakes.done
	w.shakes.done = nil
	w.shakes.mu.Unlock()
	for _, it := range done {
		w.shakes.under--
		c := &w.conns[it.slot]
		switch {
		case c.mark != it.mark || c.state != stateShaking:
			// It was given up meanwhile.
		case it.err != nil:
			w.lose(it.slot, "TLS: "+it.err.Error())
		default:
			c.secure = it.s
			c.writing = true // so that watchWriting sets what is watched for
			w.watchWriting(it.slot, false)
			if c.mark == it.mark {
				w.greet(it.slot)
			}
		}
	}
}

// receive takes what a socket holds, decrypted where that is needed. 0 and no error is the end.
func (w *worker) receive(c *conn, b []byte) (n int, errno unix.Errno, err error) {
	if c.secure == nil {
		n, errno = receive(c.fd, b)
		return n, errno, nil
	}
	s := c.secure
	s.more = false
	for n < len(b) {
		k, err := s.tls.Read(b[n:])
		n += k
		switch {
		case err == errNothingNow && n == 0:
			return 0, unix.EAGAIN, nil
		case err == errNothingNow || err != nil && n > 0:
			return n, 0, nil // an error comes again
		case errors.Is(err, io.EOF):
			return 0, 0, nil
		case err != nil:
			return 0, 0, err
		}
	}
	s.more = true
	return n, 0, nil
}

// seal returns the records that b makes, borrowed until the next call.
func (s *secure) seal(b []byte) ([]byte, error) {
	s.sealed = s.sealed[:0]
	_, err := s.tls.Write(b)
	sealed := s.sealed
	if cap(sealed) > 4<<10 {
		s.sealed = nil // thousands of conns hold one
	}
	return sealed, err
}

type nothingNow struct{}

func (nothingNow) Error() string   { return "nothing to read now" }
func (nothingNow) Timeout() bool   { return true }
func (nothingNow) Temporary() bool { return true }

var errNothingNow error = nothingNow{}

// Read, Write and the rest make s the net.Conn under its tls.Conn.
func (s *secure) Read(p []byte) (int, error) {
	if s.socket != nil {
		return s.socket.Read(p)
	}
	n, errno := receive(s.fd, p)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return 0, errNothingNow
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (s *secure) Write(p []byte) (int, error) {
	if s.socket != nil {
		return s.socket.Write(p)
	}
	s.sealed = append(s.sealed, p...)
	return len(p), nil
}

func (s *secure) Close() error                     { return nil }
func (s *secure) LocalAddr() net.Addr              { return nil }
func (s *secure) RemoteAddr() net.Addr             { return nil }
func (s *secure) SetDeadline(time.Time) error      { return nil }
func (s *secure) SetReadDeadline(time.Time) error  { return nil }
func (s *secure) SetWriteDeadline(time.Time) error { return nil }
