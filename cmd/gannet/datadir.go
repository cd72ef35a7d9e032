package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// A dataDir is the directory that this process may write to, taken for it alone until close. What is in it belongs to
// the user the server runs as: keys and queued events are nobody else's business.
type dataDir struct {
	path string
	lock *os.File // holds the lock while it is open; the kernel gives it back however the process ends
}

// lockName is the file in the directory that is locked. It stays behind, and means nothing without the lock.
const lockName = "lock"

// openDataDir takes the directory at path, making it with mode 0700 when there is none, parents too. It fails at once
// when another process has it. An empty path is no directory: nil.
func openDataDir(path string) (*dataDir, error) {
	if path == "" {
		return nil, nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("data_dir: %s is in use by another process%s", path, holder(lock))
		}
		return nil, fmt.Errorf("data_dir: lock %s: %w", lock.Name(), err)
	}
	// For people who wonder; nothing depends on it.
	_ = lock.Truncate(0)
	_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return &dataDir{path: path, lock: lock}, nil
}

// holder says who wrote itself into a lock file, as far as that can be read.
func holder(lock *os.File) string {
	var text [16]byte
	n, _ := lock.ReadAt(text[:], 0)
	pid := strings.TrimSpace(string(text[:n]))
	if _, err := strconv.Atoi(pid); err != nil {
		return ""
	}
	return ", pid " + pid
}

// file returns the path of a file or directory of that name in d.
func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// shared reports whether others than the owner may look into d, which somebody made with other rights than we would.
func (d *dataDir) shared() bool {
	info, err := os.Stat(d.path)
	return err == nil && info.Mode().Perm()&0o077 != 0
}

// close lets another process have d. It may be called on nil.
func (d *dataDir) close() error {
	if d == nil {
		return nil
	}
	return d.lock.Close()
}
