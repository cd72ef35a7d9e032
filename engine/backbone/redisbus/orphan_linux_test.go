package redisbus_test

import (
	"os/exec"
	"syscall"
)

// dieWithUs has the kernel end a process of a test that panics.
func dieWithUs(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
