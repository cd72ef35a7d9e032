package main_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	main "github.com/gannet-io/gannet/cmd/gannet"
)

func TestAUnixSocketReplacesOneThatNobodyUses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gannet.sock")
	listen := func(mode string) (net.Listener, error) {
		return main.ListenOn(&main.ListenerConfig{Address: "unix:" + path, SocketMode: mode})
	}
	mode := func() fs.FileMode {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	first, err := listen("")
	if err != nil {
		t.Fatal(err)
	}
	if got := mode(); got != fs.ModeSocket|0o660 {
		t.Errorf("mode %v, want rw-rw----", got)
	}
	if second, err := listen(""); err == nil {
		second.Close()
		t.Error("a socket that is in use was taken over")
	} else if !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a socket that is in use: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the file outlives its listener")
	}

	// A process that was killed leaves its file behind.
	killed, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	killed.SetUnlinkOnClose(false)
	killed.Close()
	third, err := listen("0606")
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if got := mode(); got != fs.ModeSocket|0o606 {
		t.Errorf("mode %v, want rw----rw-", got)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestAFileThatIsNoSocketStays(t *testing.T) {
	path := write(t, "dear diary")
	if ln, err := main.ListenOn(&main.ListenerConfig{Address: "unix:" + path}); err == nil {
		ln.Close()
		t.Error("listened on a file")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "dear diary" {
		t.Errorf("the file is %q, %v", text, err)
	}
}
