//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A server is a running one.
type server struct {
	name    string
	url     string
	speaks  string // the protocol, when it is not Pusher's
	metrics string // URL of Gannet's; "" of others
	heap    string // URL of Gannet's heap profile
	cmd     *exec.Cmd
	stderr  *os.File      // of our own servers
	done    chan struct{} // closed when it has ended
}

// startGrace is how long a server may take until it accepts.
const startGrace = 20 * time.Second

// start starts a server of that name on a port of its own and waits until it accepts.
func (b *bench) start(ctx context.Context, name string) (*server, error) {
	port, err := b.port()
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	s := &server{name: name, url: "http://" + address, done: make(chan struct{})}
	switch name {
	case "gannet":
		admin, err := b.port()
		if err != nil {
			return nil, err
		}
		adminAddress := "127.0.0.1:" + strconv.Itoa(admin)
		s.metrics = "http://" + adminAddress + "/metrics"
		s.heap = "http://" + adminAddress + "/debug/pprof/heap?gc=1&debug=1"
		s.cmd = exec.Command(filepath.Join(b.dir, "gannet"), "serve", "--config", filepath.Join(b.dir, "gannet.yaml"),
			"--listen", address, "--admin-listen", adminAddress)
	case "ceiling", "goroutines":
		s.cmd = exec.Command(filepath.Join(b.dir, name), "-listen", address)
	default:
		s.cmd = exec.Command("sh", "-c", "exec "+strings.ReplaceAll(b.rivals[name].command, "{port}", strconv.Itoa(port)))
		s.speaks = b.rivals[name].protocol
	}
	s.cmd.Dir = b.dir
	if b.rivals[name].command == "" {
		if s.stderr, err = os.Create(filepath.Join(b.dir, name+".err")); err != nil {
			return nil, err
		}
		s.cmd.Stderr = s.stderr
	}
	if err := startOn(s.cmd, b.serverCPU); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait() // it is killed
		close(s.done)
	}()
	if err := s.await(ctx, address); err != nil {
		s.stop()
		return nil, fmt.Errorf("%s: %w: %s", name, err, s.lastWords())
	}
	return s, nil
}

func (s *server) await(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startGrace)
	defer cancel()
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("does not accept after %s", startGrace)
		case <-s.done:
			return errors.New("ended instead of listening")
		case <-t.C:
		}
	}
}

// stop kills the server: its memory and its ports go at once.
func (s *server) stop() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.done
	if s.stderr != nil {
		_ = s.stderr.Close() // was read if anybody wanted to
	}
}

// lastWords returns the beginning of what one of our own servers has written to its stderr.
func (s *server) lastWords() string {
	if s.stderr == nil {
		return "it is not ours to quote"
	}
	text, _ := os.ReadFile(s.stderr.Name())
	return string(text[:min(len(text), 1000)])
}

func (s *server) pid() string { return strconv.Itoa(s.cmd.Process.Pid) }

// startOn starts cmd on one processor: a child has the affinity of the thread that makes it. It
// ends with this process.
func startOn(cmd *exec.Cmd, cpu int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return os.NewSyscallError("sched_setaffinity", err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Start()
	return errors.Join(err, os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &before)))
}

// processors returns one for the server and one for the generator; they are the same when there
// is no other.
func processors(asked string) (server, generator int, err error) {
	if asked != "" {
		if _, err := fmt.Sscanf(asked, "%d,%d", &server, &generator); err != nil {
			return 0, 0, fmt.Errorf("--cpus is %q; it must be two numbers, such as 0,1", asked)
		}
		return server, generator, nil
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, 0, os.NewSyscallError("sched_getaffinity", err)
	}
	var all []int
	for cpu := range 64 * len(set) {
		if set.IsSet(cpu) {
			all = append(all, cpu)
		}
	}
	server, generator = all[0], all[len(all)-1]
	for _, cpu := range all[1:] {
		// Two threads of one core share what they compute with.
		if core(cpu) != core(server) {
			return server, cpu, nil
		}
	}
	return server, generator, nil
}

// core names the core of a processor.
func core(cpu int) string {
	siblings, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
	if err != nil {
		return strconv.Itoa(cpu)
	}
	return strings.TrimSpace(string(siblings))
}

// port returns one that nobody listens on, each time another, outside of what the kernel gives
// to clients: one of those could be held by an earlier run's connection.
func (b *bench) port() (int, error) {
	for b.nextPort > 1024 {
		b.nextPort--
		if free(b.nextPort) {
			return b.nextPort, nil
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

func free(port int) bool {
	ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return ln.Close() == nil
}

// firstEphemeral returns where the ports begin that the kernel gives to clients.
func firstEphemeral() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if fields := strings.Fields(string(text)); err == nil && len(fields) == 2 {
		if low, err := strconv.Atoi(fields[0]); err == nil {
			return low
		}
	}
	return 32768
}

// configuration lifts the limits that a load test runs into.
func configuration(w io.Writer) error {
	_, err := io.WriteString(w, `log: { level: error }
apps:
  - id: app-id
    key: app-key
    secret: app-secret
    client_events: true
    limits: { client_events_per_second: 0 }
`)
	return err
}
