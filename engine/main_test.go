package engine_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails the run when the tests leave goroutines or descriptors behind.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(runChild())
	}
	before := openFiles()
	code := m.Run()
	if code == 0 {
		if err := leaked(before); err != "" {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// leaked says what is left of the tests, once what is on its way out had time to go.
func leaked(before int) (report string) {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for start := time.Now(); time.Since(start) < patience; {
		report = ""
		if n := openFiles(); n > before {
			report = fmt.Sprintf("%d descriptors are open, %d were before the tests", n, before)
		}
		buf := make([]byte, 1<<20)
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "gannet/engine") && !strings.Contains(g, "TestMain") || strings.Contains(g, "gnet/v2") {
				report += "\nleaked " + g
			}
		}
		if report == "" {
			return ""
		}
		<-t.C
	}
	return report
}

func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not Linux
	}
	n := 0
	for _, e := range entries {
		// The runtime opens its own poller when it likes.
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "anon_inode") || err == nil && strings.Contains(to, "eventfd") {
			n++
		}
	}
	return n
}
