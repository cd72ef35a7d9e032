//go:build linux

// Command ceiling is the least a server can do: one thread, one epoll instance, and for each
// event one non-blocking send per subscriber, in a plain loop. It speaks just enough of the
// Pusher protocol for the load generator: connect, subscribe, ping, client events.
//
// It is the yardstick of the benchmarks, not a server: no signature, limit, timer or backlog.
// A client whose socket is full loses the frame, and the loss shows in the report.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/wire"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	flag.Parse()
	runtime.LockOSThread()
	s, err := newServer(*listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(s.run())
}

// A server is everything: there is one thread.
type server struct {
	epoll  int
	listen int
	file   *os.File // the listener's: its descriptor is closed when nobody holds it
	conns  []*conn  // by descriptor
	topics map[string]*topic
	buf    []byte
}

type conn struct {
	fd     int
	open   bool
	rest   []byte // input that is not a whole head or frame yet
	reader frame.Reader
	topics []*topic
}

type topic struct{ subs []*conn }

func newServer(address string) (*server, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	fmt.Printf("ceiling: listening on %s\n", ln.Addr())
	if err := ln.Close(); err != nil {
		return nil, err
	}
	s := &server{listen: int(f.Fd()), file: f, topics: make(map[string]*topic), buf: make([]byte, 64<<10)}
	if err := unix.SetNonblock(s.listen, true); err != nil {
		return nil, err
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return s, s.watch(s.listen)
}

func (s *server) watch(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &event))
}

func (s *server) run() error {
	events := make([]unix.EpollEvent, 1024)
	for {
		n, err := unix.EpollWait(s.epoll, events, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("epoll_wait", err)
		}
		for _, event := range events[:n] {
			if fd := int(event.Fd); fd == s.listen {
				s.accept()
			} else if c := s.conns[fd]; c != nil {
				s.read(c)
			}
		}
	}
}

func (s *server) accept() {
	for {
		fd, _, err := unix.Accept4(s.listen, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return // EAGAIN; or no descriptors left, and epoll says so again
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			log.Print(err)
		}
		for len(s.conns) <= fd {
			s.conns = append(s.conns, nil)
		}
		s.conns[fd] = &conn{fd: fd}
		if err := s.watch(fd); err != nil {
			log.Fatal(err)
		}
	}
}

func (s *server) read(c *conn) {
	n, err := unix.Read(c.fd, s.buf)
	if err == unix.EAGAIN {
		return
	}
	if n <= 0 {
		s.close(c)
		return
	}
	in := s.buf[:n]
	if len(c.rest) > 0 {
		in = append(c.rest, in...)
	}
	if !c.open {
		if in = s.open(c, in); in == nil {
			return
		}
	}
	for len(in) > 0 {
		m, n, err := c.reader.Next(in, &frame.Limits{})
		if err != nil || m.Opcode == frame.Close {
			s.close(c)
			return
		}
		if n == 0 {
			break
		}
		in = in[n:]
		s.message(c, m)
	}
	c.rest = append(c.rest[:0], in...)
}

// open answers the handshake and returns what follows it, nil when it is not all there.
func (s *server) open(c *conn, in []byte) []byte {
	r, n, err := handshake.Parse(in, handshake.DefaultLimits())
	if err == nil && n == 0 {
		c.rest = append([]byte(nil), in...)
		return nil
	}
	if err != nil || r.Check() != nil {
		s.close(c)
		return nil
	}
	c.open, c.rest = true, nil
	out := handshake.AppendAccept(nil, &r, "", "")
	out = append(out, text(wire.AppendConnectionEstablished(frame.NewBuffer(128), strconv.Itoa(c.fd)+".1", 120))...)
	send(c.fd, out)
	return in[n:]
}

func text(payload []byte) []byte { return frame.Prepare(frame.Text, payload).Bytes() }

func (s *server) message(c *conn, m frame.Message) {
	if m.Opcode != frame.Text {
		return
	}
	f, err := wire.ParseFrame(m.Payload, pusher.DefaultJSONDepth)
	if err != nil {
		return
	}
	switch {
	case f.Event == "pusher:subscribe":
		if r, err := wire.ParseSubscribe(f.Data); err == nil {
			s.subscribe(c, r.Channel)
		}
	case f.Event == "pusher:ping":
		send(c.fd, text(wire.AppendPong(frame.NewBuffer(64))))
	case pusher.ClientEvent(f.Event):
		if t := s.topics[f.Channel]; t != nil {
			b := text(wire.AppendClientEvent(frame.NewBuffer(len(m.Payload)+64), f.Event, f.Channel, f.Data, false, ""))
			for _, other := range t.subs {
				if other != c {
					send(other.fd, b)
				}
			}
		}
	}
}

func (s *server) subscribe(c *conn, name string) {
	t := s.topics[name]
	if t == nil {
		t = new(topic)
		s.topics[name] = t
	}
	t.subs = append(t.subs, c)
	c.topics = append(c.topics, t)
	send(c.fd, text(wire.AppendSubscriptionSucceeded(frame.NewBuffer(128), name)))
}

func (s *server) close(c *conn) {
	for _, t := range c.topics {
		for i, other := range t.subs {
			if other == c {
				t.subs[i] = t.subs[len(t.subs)-1]
				t.subs = t.subs[:len(t.subs)-1]
				break
			}
		}
	}
	s.conns[c.fd] = nil
	_ = unix.Close(c.fd)
}

// send is one system call; what the socket does not take is lost.
func send(fd int, b []byte) {
	_, _, _ = syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])),
		uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
}
