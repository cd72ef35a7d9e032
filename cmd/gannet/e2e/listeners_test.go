//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// over returns a dial function that reaches the one address, whatever is dialled.
func over(network, address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// wantServed checks that WebSockets and requests are served on an address.
func wantServed(t *testing.T, network, address string) {
	t.Helper()
	c := dialAt(t, "gannet.test", "/app/"+quiet.Key+"?protocol=7", ws.Dialer{NetDial: over(network, address)})
	c.readEstablished()
	c.join(quiet, "public")
	check(t, c.conn.Close())
	web := http.Client{Transport: &http.Transport{DialContext: over(network, address), DisableKeepAlives: true}, Timeout: patience}
	resp, err := web.Get("http://gannet.test/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s answers %d for /healthz", address, resp.StatusCode)
	}
}

func TestOneServerListensOnSeveralAddresses(t *testing.T) {
	plainOnly(t)
	folder := t.TempDir()
	first, second := filepath.Join(folder, "a.sock"), filepath.Join(folder, "b.sock")
	s := startServer(t, fmt.Sprintf(`
listen: ["127.0.0.1:0", "unix:%s", {address: "unix:%s", socket_mode: "0600"}]
rest: {listen: "unix:%s"}
drain_window: 100ms
`, first, second, filepath.Join(folder, "rest.sock")))
	wantServed(t, "unix", first)
	wantServed(t, "unix", second)
	web := http.Client{Transport: &http.Transport{DialContext: over("unix", filepath.Join(folder, "rest.sock")), DisableKeepAlives: true}, Timeout: patience}
	resp, err := web.Get("http://gannet.test/up")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if info, err := os.Stat(second); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	check(t, s.stop())
	if files, err := filepath.Glob(filepath.Join(folder, "*.sock")); err != nil || len(files) > 0 {
		t.Errorf("left behind: %q, %v", files, err)
	}
}

// underSystemd starts a server as systemd would, with ln as the socket called public.
func underSystemd(t *testing.T, ln *net.TCPListener, settings string, environ ...string) *server {
	t.Helper()
	file, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	config := filepath.Join(t.TempDir(), "gannet.yaml")
	check(t, os.WriteFile(config, []byte(configured(settings)), 0o600))
	// LISTEN_PID must be that of the process itself.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=public exec "$0" serve --config "$1"`, binary, config)
	cmd.Env, cmd.ExtraFiles = environ, []*os.File{file}
	s, err := start(cmd)
	return supervise(t, s, err)
}

// A socket that systemd holds is open while the server is not there: nobody is refused in between.
func TestSocketsOfSystemdOutliveTheServer(t *testing.T) {
	plainOnly(t)
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	notes, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notes.Close()
	told := make(chan string, 100)
	go func() {
		defer close(told)
		for buf := make([]byte, 4096); ; {
			n, err := notes.Read(buf)
			if err != nil {
				return
			}
			told <- string(buf[:n])
		}
	}()
	expect := func(want string) {
		t.Helper()
		for {
			select {
			case got := <-told:
				if got == want {
					return
				}
				if got != "WATCHDOG=1" {
					t.Fatalf("systemd was told %q, want %q", got, want)
				}
			case <-time.After(patience):
				t.Fatalf("systemd was not told %s", want)
			}
		}
	}
	const settings = "listen: systemd:public\ndrain_window: 100ms\n"
	environ := []string{"NOTIFY_SOCKET=" + notes.LocalAddr().String(), "WATCHDOG_USEC=200000"}

	s := underSystemd(t, ln, settings, environ...)
	expect("READY=1")
	wantServed(t, "tcp", ln.Addr().String())
	for range 3 {
		expect("WATCHDOG=1")
	}
	check(t, s.stop())
	expect("STOPPING=1")

	// Between two servers.
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	check(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, "GET /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	check(t, err)

	underSystemd(t, ln, settings, environ...)
	expect("READY=1")
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
		t.Errorf("who came in between got %q, %v", answer, err)
	}
}

func TestASocketThatSystemdDoesNotPassIsNamed(t *testing.T) {
	plainOnly(t)
	config := filepath.Join(t.TempDir(), "gannet.yaml")
	check(t, os.WriteFile(config, []byte(configured("listen: systemd:public\n")), 0o600))
	_, err := serve(binary, "--config", config)
	if err == nil || !strings.Contains(err.Error(), "listen on systemd:public: systemd has passed no such socket") {
		t.Errorf("got %v", err)
	}
}
