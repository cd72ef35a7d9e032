//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
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
	if err = makeCertificate(folder); err != nil {
		return 1, err
	}
	if gannet, err = launch(binary, folder, shared); err != nil {
		return 1, err
	}
	code = m.Run()
	if code == 0 {
		err = leftBehind(gannet)
	}
	return code, errors.Join(err, gannet.stop())
}

// leftBehind returns an error unless the server forgets, soon, all that the tests did to it.
func leftBehind(s *server) error {
	want := []string{
		"gannet_engine_websockets 0",
		"gannet_hub_subscriptions 0",
		"gannet_engine_panics_total 0",
		"gannet_rest_panics_total 0",
	}
	var missing []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		resp, err := http.Get("http://" + s.admin + "/metrics")
		if err != nil {
			return err
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
		lines := strings.Split(string(text), "\n")
		missing = slices.DeleteFunc(slices.Clone(want), func(line string) bool { return slices.Contains(lines, line) })
		if len(missing) == 0 {
			return nil
		}
	}
	return fmt.Errorf("after all clients left, the metrics do not say %q", missing)
}
