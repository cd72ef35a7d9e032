package redisbus_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails the run when the tests leave goroutines behind. The client library ends some of its own a few seconds after it was closed.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		var err error
		for late := time.Now().Add(15 * time.Second); time.Now().Before(late); {
			if err = goleak.Find(); err == nil {
				break
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
