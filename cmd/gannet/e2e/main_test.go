//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"
)

// Set once by TestMain.
var (
	binary string  // of the server
	gannet *server // the one that tests share
)

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// runTests builds and starts the server, runs the tests, and judges how the server ended.
func runTests(m *testing.M) (code int, err error) {
	folder, err := os.MkdirTemp("", "gannet-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	if binary, err = buildServer(folder); err != nil {
		return 1, err
	}
	if gannet, err = launch(binary, folder, shared); err != nil {
		return 1, err
	}
	code = m.Run()
	return code, gannet.stop()
}
