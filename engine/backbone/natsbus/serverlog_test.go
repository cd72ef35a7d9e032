package natsbus_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

func TestWhatTheServerInsideRepeatsIsLoggedOnceAMinute(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1000, 0)
	l := natsbus.NewServerLog(slog.New(slog.NewTextHandler(&out, nil)), func() time.Time { return now })
	lines := func() int { n := strings.Count(out.String(), "\n"); return n }
	for attempt := range 59 {
		l.Errorf("Error trying to connect to route (attempt %v): %v", attempt+1, errors.New("dial tcp 10.0.0.2:6222: refused"))
		now = now.Add(time.Second)
	}
	if lines() != 1 {
		t.Errorf("%d lines in the first minute, want 1:\n%s", lines(), out.String())
	}
	l.Errorf("Error trying to connect to route (attempt %v): %v", 60, errors.New("dial tcp 10.0.0.3:6222: refused"))
	if lines() != 2 {
		t.Errorf("another node is not logged:\n%s", out.String())
	}
	now = now.Add(time.Second)
	l.Errorf("Error trying to connect to route (attempt %v): %v", 60, errors.New("dial tcp 10.0.0.2:6222: refused"))
	if lines() != 3 || !strings.Contains(out.String(), "(attempt 60)") || !strings.Contains(out.String(), "times_since_last_logged=58") {
		t.Errorf("after a minute:\n%s", out.String())
	}
}
