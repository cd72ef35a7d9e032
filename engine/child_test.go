package engine_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine"
)

// childVariable makes the test binary a server with few descriptors, instead of running
// tests.
const childVariable = "GANNET_ENGINE_TEST_CHILD"

// childFiles is its limit of open files.
const childFiles = 64

// runChild serves echo, prints its address, and answers each line of its input with the
// number of accept errors so far. It returns the exit code, at the end of its input.
func runChild() int {
	limit := syscall.Rlimit{Cur: childFiles, Max: childFiles}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	set := metrics.NewSet()
	e, err := engine.New(engine.Config{Handler: &handler{}, Loops: 2, MaxConns: 1 << 20, Metrics: set, Log: quiet})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	served := make(chan error, 1)
	go func() { served <- e.Serve(ln) }()
	fmt.Println(ln.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var b strings.Builder
		set.WritePrometheus(&b)
		_, rest, _ := strings.Cut(b.String(), "gannet_engine_accept_errors_total ")
		n, _, _ := strings.Cut(rest, "\n")
		fmt.Println(n)
	}
	if e.Stop() != nil || <-served != nil {
		return 1
	}
	return 0
}
