package redisbus_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

const (
	patience = 30 * time.Second
	password = "a password"
)

// A server is a redis-server of this test's own.
type server struct {
	t    testing.TB
	dir  string
	port int
	args []string
	file string // of its configuration, for a sentinel
	log  bytes.Buffer

	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended
}

// startServer starts a redis-server that ends with the test.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a redis-server; make test installs it")
	}
	s := &server{t: t, dir: t.TempDir(), args: args, port: freePort(t)}
	t.Cleanup(s.kill)
	if err := s.run(); err != nil {
		t.Fatalf("redis-server, which Debian's redis-server has: %v\n%s", err, s.log.String())
	}
	return s
}

func (s *server) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// run starts the process and waits until it answers.
func (s *server) run() error {
	args := append([]string{"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"}, s.args...)
	if s.file != "" {
		args = []string{s.file, "--sentinel", "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir}
	}
	c := exec.Command("redis-server", args...)
	c.Stdout, c.Stderr = &s.log, &s.log
	dieWithUs(c)
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	s.cmd, s.ended = c, ended
	go func() { _ = c.Wait(); close(ended) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		if c, err := net.Dial("tcp", s.addr()); err == nil {
			c.Close()
			return nil
		}
		select {
		case <-tick.C:
		case <-ended:
			return fmt.Errorf("it ended at once")
		case <-late:
			return fmt.Errorf("it does not listen after %v", patience)
		}
	}
}

// again starts the process again, on the same port.
func (s *server) again(args ...string) {
	s.t.Helper()
	s.args = append(s.args, args...)
	if err := s.run(); err != nil {
		s.t.Fatalf("redis-server: %v\n%s", err, s.log.String())
	}
}

// kill ends the process at once, and waits until it has ended.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGCONT)
		_ = s.cmd.Process.Kill()
		<-s.ended
		s.cmd = nil
	}
}

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// admin does something with the server as its default user.
func (s *server) admin(f func(ctx context.Context, c rueidis.Client)) {
	s.t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr()}, ForceSingleClient: true, DisableCache: true})
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f(ctx, c)
}

// do runs one command.
func (s *server) do(args ...string) rueidis.RedisMessage {
	s.t.Helper()
	var m rueidis.RedisMessage
	s.admin(func(ctx context.Context, c rueidis.Client) {
		var err error
		if m, err = c.Do(ctx, c.B().Arbitrary(args[0]).Args(args[1:]...).Build()).ToMessage(); err != nil {
			s.t.Fatalf("%q: %v", args, err)
		}
	})
	return m
}

// try runs one command on a server that may hang up.
func (s *server) try(args ...string) (m rueidis.RedisMessage, err error) {
	s.t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr()}, ForceSingleClient: true, DisableCache: true})
	if err != nil {
		return m, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.Do(ctx, c.B().Arbitrary(args[0]).Args(args[1:]...).Build()).ToMessage()
}

// dump keeps a copy of the server's data and returns what puts it in its place, for the next start.
func (s *server) dump() (restore func()) {
	s.t.Helper()
	s.do("SAVE")
	data, err := os.ReadFile(filepath.Join(s.dir, "dump.rdb"))
	if err != nil {
		s.t.Fatal(err)
	}
	return func() {
		if err := os.WriteFile(filepath.Join(s.dir, "dump.rdb"), data, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// allow adds the user that docs/cluster.md tells to add.
func (s *server) allow() {
	s.t.Helper()
	text, err := os.ReadFile("../../../docs/cluster.md")
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 3 && words[0] == "ACL" && words[2] == "gannet" {
			words[slices.Index(words, ">password")] = ">" + password
			s.do(words...)
			return
		}
	}
	s.t.Fatal("docs/cluster.md names no user")
}
