package rest_test

import (
	"bufio"
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/rest"
)

// A panickyRegistry panics until it is calm.
type panickyRegistry struct {
	app.Registry
	calm atomic.Bool
}

func (r *panickyRegistry) ByID(ctx context.Context, id string) (*app.App, error) {
	if !r.calm.Load() {
		panic("boom")
	}
	return r.Registry.ByID(ctx, id)
}

// Signatures are also checked before a body is read, in callbacks that fasthttp calls outside of its handler: a panic there
// must not end the process either.
func TestAPanicBeforeTheBodyCostsOneRequest(t *testing.T) {
	registry := new(panickyRegistry)
	l := start(t, func(_ *lab, cfg *rest.Config) {
		registry.Registry = cfg.Apps
		cfg.Apps = registry
	})
	body := `{"name":"ev","channels":["a"],"data":"` + strings.Repeat("x", 100_000) + `"}`
	target := sign("POST", "/apps/3/events", body)
	for name, request := range map[string]string{
		"large":        head("POST", target, body),
		"asking first": head("POST", target, body, "Expect: 100-continue"),
		"small":        head("POST", target, "{}") + "{}",
	} {
		c := l.dial()
		_, _ = io.WriteString(c, request)
		if got := read(t, bufio.NewReader(c), "POST"); got.status != 500 || got.body != "Internal server error" {
			t.Errorf("%s: got %d %q, want 500 that does not show the panic", name, got.status, got.body)
		}
		_ = c.Close()
	}
	if l.metric("gannet_rest_panics_total") == "0" || !strings.Contains(l.log.String(), "goroutine ") {
		t.Errorf("not counted, or not logged with a stack: %s", l.log)
	}
	registry.calm.Store(true)
	if got := l.signed("GET", "/apps/3/channels", ""); got.status != 200 {
		t.Errorf("afterwards: got %d %q, want 200", got.status, got.body)
	}
}
