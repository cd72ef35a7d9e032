//go:build unix && !linux

package engine

// setUserTimeout has no portable form; a dead peer is then found by its missing pong.
func setUserTimeout(int, int) error { return nil }

// setNotSentLowat has no portable form; a slow peer then fills the kernel's buffer first.
func setNotSentLowat(int, int) error { return nil }
