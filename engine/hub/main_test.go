package hub_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails the run when the tests leave goroutines or sockets behind.
func TestMain(m *testing.M) {
	before := sockets()
	code := m.Run()
	if code == 0 {
		t := time.NewTicker(20 * time.Millisecond)
		report := "x"
		for start := time.Now(); report != "" && time.Since(start) < patience; {
			<-t.C
			report = leaked(before)
		}
		t.Stop()
		if report != "" {
			fmt.Fprintln(os.Stderr, report)
			code = 1
		}
	}
	os.Exit(code)
}

func leaked(before int) (report string) {
	if n := sockets(); n > before {
		report = fmt.Sprintf("%d sockets are open, %d were before the tests", n, before)
	}
	buf := make([]byte, 1<<20)
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "gannet/engine") && !strings.Contains(g, "TestMain") || strings.Contains(g, "gnet/v2") {
			report += "\nleaked " + g
		}
	}
	return report
}

func sockets() (n int) {
	entries, _ := os.ReadDir("/proc/self/fd") // none where there is no /proc
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, "socket") {
			n++
		}
	}
	return n
}
