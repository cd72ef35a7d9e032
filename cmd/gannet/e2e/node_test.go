//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestNodeSDKs runs the node tests in sdk/; each is a subtest here.
func TestNodeSDKs(t *testing.T) {
	if err := installPackages(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("sdk/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no node tests: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".test.mjs"), func(t *testing.T) { runNode(t, file) })
	}
}

// installPackages installs what package-lock.json names, unless that is done already.
func installPackages() error {
	lock, err := os.Stat("package-lock.json")
	if err != nil {
		return err
	}
	// npm writes this file last.
	if done, err := os.Stat("node_modules/.package-lock.json"); err == nil && done.ModTime().After(lock.ModTime()) {
		return nil
	}
	if out, err := exec.Command("npm", "ci", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		return fmt.Errorf("the SDKs are not installed; run: npm ci --prefix cmd/gannet/e2e\n%w\n%s", err, out)
	}
	return nil
}

// A nodeResult is one line of sdk/reporter.mjs.
type nodeResult struct {
	Path   []string `json:"path"`
	Passed bool     `json:"passed"`
	Suite  bool     `json:"suite"`
	Error  string   `json:"error"`
}

func runNode(t *testing.T, file string) {
	host, port, err := net.SplitHostPort(gannet.public)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	place, err := json.Marshal(map[string]any{
		"host": host, "port": number, "binary": binary, "config": shared + configuration, "apps": accounts,
	})
	if err != nil {
		t.Fatal(err)
	}
	// pusher-js leaves timers of half a minute behind when the server closes first, hence the force.
	node := exec.Command("node", "--test", "--test-force-exit", "--test-reporter=./sdk/reporter.mjs", file)
	node.Env = append(environment(), "GANNET_E2E="+string(place), "NODE_NO_WARNINGS=1")
	var stderr bytes.Buffer
	node.Stderr = &stderr
	out, failed := node.Output()

	passed, shown := 0, false
	var rest strings.Builder
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r nodeResult
		if json.Unmarshal(lines.Bytes(), &r) != nil || len(r.Path) == 0 {
			fmt.Fprintln(&rest, lines.Text())
			continue
		}
		if r.Suite && r.Passed {
			continue
		}
		if r.Suite && shown {
			continue // the failed tests in it were reported
		}
		t.Run(strings.Join(r.Path, "/"), func(t *testing.T) {
			if !r.Passed {
				shown = true
				t.Error(r.Error)
				return
			}
			passed++
		})
	}
	if failed != nil || passed == 0 {
		t.Errorf("node --test %s: %v, %d passed\n%s%s", file, failed, passed, &rest, &stderr)
	}
}
