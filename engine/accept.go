package engine

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// acceptors is how many goroutines accept on one listener: while one waits for a loop to
// take its socket, another takes the next from the kernel.
const acceptors = 2

// reservedFiles are kept free for files, HTTP duplicates and whatever the process opens.
const reservedFiles = 256

// fileBudget returns how many conns the limit of open files allows.
func fileBudget() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 - reservedFiles
	}
	n := min(limit.Cur, 1<<30)
	return max(int(n)-reservedFiles, int(n)/2)
}

// ServeWith accepts conns from ln, for which cfg holds, until the engine drains or stops, and closes it then. Failing
// to accept, as when descriptors run out, never ends it: it waits a little, longer each
// time, and goes on, while the kernel keeps new conns in its queue. It returns nil after
// Drain or Stop, or the error that says ln was closed by someone else. Any goroutine; blocks.
func (e *Engine) ServeWith(ln net.Listener, cfg ListenerConfig) error {
	index, err := e.addListener(ln, &cfg)
	if err != nil {
		return err
	}
	errs := make(chan error, acceptors)
	for range acceptors {
		go func() {
			defer e.accepting.Done()
			a := acceptor{eng: e, ln: ln, spare: -1, null: -1, entry: entry{listener: index}}
			if cfg.ProxyProtocol != ProxyOff {
				a.entry.flags = flagPreamble
			}
			defer a.close()
			errs <- a.run()
		}()
	}
	for range acceptors {
		err = errors.Join(err, <-errs)
	}
	if e.draining.Load() {
		return nil
	}
	return err
}

// An acceptor is one accepting goroutine.
type acceptor struct {
	eng *Engine
	ln  net.Listener
	// spare is a descriptor held for gnet, which duplicates that of the conn it is given: at
	// the limit of open files a conn shall stay in the kernel's queue, not be taken out of
	// it and dropped. -1: none.
	spare int
	null  int // what spare duplicates, since opening costs more; -1: none
	entry entry
	local net.IP // of the last conn; shared by conns
}

// An entry is the context of a gnet conn until OnOpen.
type entry struct {
	early    []byte     // of the conn's input, read by someone else
	secure   *secure    // not nil: the conn is TLS
	adopted  bool       // with secure: the HTTP server has had it
	client   netip.Addr // if a PROXY header has told it
	listener uint8      // index in Engine.listening
	flags    flags      // that the conn begins with
	opened   bool
}

func (a *acceptor) run() error {
	e := a.eng
	var wait time.Duration
	for {
		if !e.roomForConn() {
			return nil
		}
		err := a.acceptOne()
		if err == nil {
			wait = 0
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if wait == 0 {
			e.cfg.Log.Warn("accept", "err", err, "listener", a.ln.Addr().String())
		}
		e.metrics.acceptErrors.Inc()
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		if !e.pause(wait) {
			return nil
		}
	}
}

// acceptOne waits for a conn and gives it to a loop.
func (a *acceptor) acceptOne() error {
	if err := a.holdSpare(); err != nil {
		return err
	}
	conn, err := a.ln.Accept()
	if err != nil {
		return err
	}
	return a.takeOver(conn)
}

// takeOver gives a conn that was just accepted to a loop, or turns it back.
func (a *acceptor) takeOver(conn net.Conn) error {
	a.eng.metrics.accepts.Inc()
	if !a.eng.admitPeer(addrOf(conn.RemoteAddr())) {
		turnBack(conn)
		return nil
	}
	a.eng.admit()
	a.freeSpare()
	a.entry.opened = false
	return a.enroll(conn, &a.entry)
}

// enroll gives a conn that is counted to a loop, or releases it.
func (a *acceptor) enroll(conn net.Conn, as *entry) error {
	a.shrink(conn.LocalAddr(), true)
	a.shrink(conn.RemoteAddr(), false)
	// gnet duplicates the descriptor and closes conn. It waits for the loop, so that a busy
	// loop slows accepting down.
	_, err := a.eng.client.EnrollContext(conn, as)
	if err == nil && !as.opened {
		err = errors.New("engine: a loop could not watch the socket") // gnet drops the reason
	}
	if err != nil {
		a.eng.release(addrOf(conn.RemoteAddr()))
	}
	return err
}

// holdSpare opens the spare descriptor. Only a lack of descriptors is an error.
func (a *acceptor) holdSpare() error {
	if a.spare >= 0 {
		return nil
	}
	fd, err := a.null, error(nil)
	if fd < 0 {
		fd, err = unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			a.null = fd
		}
	}
	if err == nil {
		fd, err = unix.FcntlInt(uintptr(a.null), unix.F_DUPFD_CLOEXEC, 0)
	}
	switch {
	case err == nil:
		a.spare = fd
	case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE):
		return os.NewSyscallError("open", err)
	}
	return nil
}

// close releases what a holds.
func (a *acceptor) close() {
	a.freeSpare()
	if a.null >= 0 {
		_ = unix.Close(a.null)
	}
}

func (a *acceptor) freeSpare() {
	if a.spare >= 0 {
		_ = unix.Close(a.spare) // it was only read from
		a.spare = -1
	}
}

// shrink makes an address that lives as long as its conn hold no more than it needs. Its IP is
// a part of the kernel's whole answer; a copy is smaller, and the local one is mostly the
// same as that of the conn before.
//
// An IPv6 zone gets a name of its own: gnet puts the memory of the name into its buffer pool
// when the conn ends, but package net keeps the names of all zones in a cache, where the next
// user of the buffer would overwrite them.
func (a *acceptor) shrink(addr net.Addr, local bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return
	}
	if tcp.Zone != "" {
		tcp.Zone = strings.Clone(tcp.Zone)
	}
	if local && tcp.IP.Equal(a.local) && len(tcp.IP) == len(a.local) {
		tcp.IP = a.local
		return
	}
	tcp.IP = bytes.Clone(tcp.IP)
	if local {
		a.local = tcp.IP
	}
}

// admit counts a conn that was accepted, once there is room: several acceptors may have
// waited in Accept for the last place. A drain ends the wait.
func (e *Engine) admit() {
	for {
		n := e.conns.Load()
		if n >= int64(e.cfg.MaxConns) && e.pause(20*time.Millisecond) {
			continue
		}
		if e.conns.CompareAndSwap(n, n+1) {
			return
		}
	}
}

// pause waits for d, and returns false when the engine drains or stops meanwhile.
func (e *Engine) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.quit:
		return false
	}
}
