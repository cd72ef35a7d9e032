//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long something that must happen may take. It is generous: a busy machine
// with the race detector on is not a failure.
const patience = time.Minute

// A server is one process of cmd/gannet.
type server struct {
	public string // host:port, of several the first
	admin  string // host:port
	secure bool   // clients are to speak TLS

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone and its output was read
	err    error         // of the exit; read after exited
	asked  sync.Once     // to stop

	mu     sync.Mutex
	output bytes.Buffer // everything it said; guarded by mu
}

// buildServer compiles cmd/gannet into folder, with the race detector when the tests have it.
func buildServer(folder string) (binary string, err error) {
	binary = filepath.Join(folder, "gannet")
	args := []string{"build", "-o", binary}
	if raceBuild {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "github.com/gannet-io/gannet/cmd/gannet")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}

// launch starts a server with settings before the configuration and waits until it listens.
func launch(binary, folder, settings string) (*server, error) {
	file := filepath.Join(folder, "gannet.yaml")
	if err := os.WriteFile(file, []byte(configured(settings)), 0o600); err != nil {
		return nil, err
	}
	s, err := serve(binary, "--config", file)
	if err == nil {
		s.secure = overTLS
	}
	return s, err
}

// serve starts "gannet serve" with flags and waits until it listens.
func serve(binary string, flags ...string) (*server, error) {
	return start(exec.Command(binary, append([]string{"serve"}, flags...)...))
}

// start starts a server by cmd, whose Env is added to, and waits until it listens.
func start(cmd *exec.Cmd) (*server, error) {
	s := &server{cmd: cmd, exited: make(chan struct{})}
	s.cmd.Env = append(environment(), cmd.Env...)
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() { s.readAddresses(stdout, ready) })
	readers.Go(func() { s.read(stderr, func(string) {}) })
	go func() {
		readers.Wait()
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	select {
	case <-ready:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("the server ended before it listened: %v\n%s", s.err, s.said())
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.exited
		return nil, fmt.Errorf("the server did not say where it listens:\n%s", s.said())
	}
}

// environment is ours without the settings of a server somebody runs on this machine.
func environment() []string {
	var kept []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "GANNET_") && !strings.HasPrefix(pair, "OTEL_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

// readAddresses closes ready when both addresses were printed.
func (s *server) readAddresses(out io.Reader, ready chan<- struct{}) {
	var public, admin string
	s.read(out, func(line string) {
		before := public != "" && admin != ""
		if address, ok := strings.CutPrefix(line, "gannet: listening on "); ok && public == "" {
			public = address
		}
		if address, ok := strings.CutPrefix(line, "gannet: admin on "); ok {
			admin = address
		}
		if !before && public != "" && admin != "" {
			s.public, s.admin = public, admin
			close(ready)
		}
	})
}

func (s *server) read(from io.Reader, visit func(line string)) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s.mu.Lock()
		s.output.Write(append(lines.Bytes(), '\n'))
		s.mu.Unlock()
		visit(lines.Text())
	}
	_, _ = io.Copy(io.Discard, from)
}

// said returns everything the process wrote so far.
func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// terminate asks the process to stop, as an init system does. It asks once: a second
// SIGTERM means that nobody wants to wait.
func (s *server) terminate() (err error) {
	s.asked.Do(func() { err = s.cmd.Process.Signal(syscall.SIGTERM) })
	return err
}

// wait returns an error unless the process ends in time, with 0, and without a panic or a
// data race on the way.
func (s *server) wait() error {
	select {
	case <-s.exited:
	case <-time.After(patience):
		// The stacks say what it hangs on.
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		<-s.exited
		return fmt.Errorf("the server did not stop within %v of SIGTERM:\n%s", patience, s.said())
	}
	for _, sign := range []string{"DATA RACE", "panic: ", "fatal error: "} {
		if strings.Contains(s.said(), sign) {
			return fmt.Errorf("the server reported a %s:\n%s", strings.TrimSuffix(sign, ": "), s.said())
		}
	}
	if s.err != nil {
		return fmt.Errorf("the server ended with %w:\n%s", s.err, s.said())
	}
	return nil
}

// stop is terminate and wait.
func (s *server) stop() error {
	if err := s.terminate(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.wait()
}

// startServer runs a server of the test's own, checked like the shared one when it ends.
func startServer(t *testing.T, settings string) *server {
	t.Helper()
	s, err := launch(binary, t.TempDir(), settings)
	return supervise(t, s, err)
}

func supervise(t *testing.T, s *server, err error) *server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}
