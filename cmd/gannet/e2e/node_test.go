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
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// plainTests do not run over TLS: Chromium trusts no authority of ours, and webhooks go out, not in.
var plainTests = []string{"browser", "cluster", "console", "demos", "firefox", "webhook"}

// pageTests drive a browser; one at a time.
var (
	pageTests = []string{"browser", "cluster", "console", "demos", "firefox"}
	onePage   sync.Mutex
)

// picturesVariable has the tests of pages keep pictures in screenshots/, which nothing looks at but people.
const picturesVariable = "GANNET_E2E_PICTURES"

// TestNodeSDKs runs the node tests in sdk/; each is a subtest here. They wait for timers and pages more than they work, and
// share nothing but a server, in which each has channels of its own.
func TestNodeSDKs(t *testing.T) {
	t.Parallel()
	if !packagesInstalled() {
		t.Fatal("the SDKs under test are not installed, or not those of package-lock.json; run: make setup")
	}
	files, err := filepath.Glob("sdk/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no node tests: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".test.mjs")
		t.Run(name, func(t *testing.T) {
			if slices.Contains(plainTests, name) {
				plainOnly(t)
			}
			t.Parallel()
			if slices.Contains(pageTests, name) {
				onePage.Lock() // a browser takes all processors that there are
				defer onePage.Unlock()
			}
			runNode(t, file)
		})
	}
}

// packagesInstalled reports whether .ci/setup has installed what package-lock.json names. It leaves a copy
// of the lock file behind when it has.
func packagesInstalled() bool {
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		return false
	}
	installed, err := os.ReadFile("node_modules/.lock-installed")
	return err == nil && bytes.Equal(lock, installed)
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
	var ports []int // for servers of its own
	for range 4 {
		ports = append(ports, freePort(t))
	}
	place, err := json.Marshal(map[string]any{
		"host": host, "port": number, "ports": ports, "binary": binary, "settings": shared, "config": encryption() + configuration, "apps": accounts, "tls": overTLS,
		"pictures": os.Getenv(picturesVariable) != "",
	})
	if err != nil {
		t.Fatal(err)
	}
	// pusher-js leaves timers of half a minute behind when the server closes first, hence the force.
	node := exec.Command("node", "--test", "--test-force-exit", "--test-reporter=./sdk/reporter.mjs", file)
	node.Env = append(environment(), "GANNET_E2E="+string(place), "NODE_NO_WARNINGS=1", "NODE_EXTRA_CA_CERTS="+certFile)
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
