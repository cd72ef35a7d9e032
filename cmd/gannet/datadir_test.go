package main_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	main "github.com/gannet-io/gannet/cmd/gannet"
)

func TestDataDirIsMadeForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := main.OpenDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, want 0700", info.Mode().Perm())
	}
	if d.Shared() {
		t.Error("a directory of mode 0700 counts as shared")
	}
	if err := os.Chmod(path, 0o750); err != nil {
		t.Fatal(err)
	}
	if !d.Shared() {
		t.Error("a directory of mode 0750 does not count as shared")
	}
}

func TestDataDirBelongsToOneProcess(t *testing.T) {
	path := t.TempDir()
	d, err := main.OpenDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	// A lock of flock belongs to the open file, so a second opening is as good as a second process.
	_, err = main.OpenDataDir(path)
	if err == nil || !strings.Contains(err.Error(), path+" is in use by another process, pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("opened twice: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err = main.OpenDataDir(path)
	if err != nil {
		t.Fatalf("after it was closed: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDataDirThatCannotBeStopsTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := main.OpenDataDir(file); err == nil || !strings.HasPrefix(err.Error(), "data_dir: ") {
		t.Errorf("a file as data directory: %v", err)
	}
	code, _, errOut := runCommand(t, "", "serve", "--dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", file)
	if code != 1 || !strings.Contains(errOut, "data_dir: ") {
		t.Errorf("serve --data-dir FILE: code %d, %q", code, errOut)
	}
}

func TestNoDataDirIsNone(t *testing.T) {
	if d, err := main.OpenDataDir(""); d != nil || err != nil {
		t.Errorf("got %v, %v", d, err)
	}
}
