//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/loadtest/report"
)

// loadGrace is the most that one run of the generator may take.
const loadGrace = 2 * time.Minute

// generate begins a run of the load generator against s. The result is there when finish returns.
func (b *bench) generate(ctx context.Context, s *server, urgent bool, args ...string) (finish func() (*report.Result, error), err error) {
	ctx, cancel := context.WithTimeout(ctx, loadGrace)
	args = append(args, "--url", s.url, "--server-pid", s.pid(), "--quiet", "--json", "-")
	if s.metrics != "" {
		args = append(args, "--metrics", s.metrics)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, "loadtest"), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := startOn(cmd, b.generatorCPU); err != nil {
		cancel()
		return nil, err
	}
	if urgent {
		// Only root may; without it the latency holds some of the generator's own.
		_ = unix.Setpriority(unix.PRIO_PROCESS, cmd.Process.Pid, -20)
	}
	return func() (*report.Result, error) {
		defer cancel()
		if err := cmd.Wait(); err != nil {
			return nil, fmt.Errorf("loadtest: %w: %s", err, strings.TrimSpace(stderr.String()))
		}
		r := &report.Result{}
		if err := json.Unmarshal(stdout.Bytes(), r); err != nil {
			return nil, fmt.Errorf("loadtest: %w", err)
		}
		return r, nil
	}, nil
}

func (b *bench) loadtest(ctx context.Context, s *server, args ...string) (*report.Result, error) {
	finish, err := b.generate(ctx, s, false, args...)
	if err != nil {
		return nil, err
	}
	return finish()
}

// load returns a line's run that is one run of the generator.
func load(args []string) func(context.Context, *bench, *server, *record) error {
	return func(ctx context.Context, b *bench, s *server, r *record) error {
		result, err := b.loadtest(ctx, s, args...)
		if err != nil {
			return err
		}
		r.take(result)
		return nil
	}
}

// half finds out how many messages s delivers when 4 publishers keep window of them in flight
// each, and returns half as many a second.
func (b *bench) half(ctx context.Context, s *server, window int, shape []string) (perSecond string, err error) {
	result, err := b.loadtest(ctx, s, append([]string{"fanout", "--via", "client", "--publishers", "4", "--saturate", "--window", strconv.Itoa(window),
		"--until", "all", "--warmup", "300ms", "--duration", (b.scale.duration / 2).String(), "--settle", "200ms", "--drain", "3s"}, shape...)...)
	if err != nil {
		return "", err
	}
	return strconv.FormatFloat(max(result.Delivery.PublishedPerSecond/2, 1), 'f', 1, 64), nil
}

func fanoutAtHalfLoad(s scale, subscribers int) func(context.Context, *bench, *server, *record) error {
	return func(ctx context.Context, b *bench, srv *server, r *record) error {
		shape := []string{"--subscribers", strconv.Itoa(s.subscribers(subscribers))}
		rate, err := b.half(ctx, srv, 8, shape)
		if err != nil {
			return err
		}
		result, err := b.loadtest(ctx, srv, append(append(s.common("fanout"), "--via", "client", "--publishers", "4", "--rate", rate), shape...)...)
		if err != nil {
			return err
		}
		r.take(result)
		r.Values["half"] = result.Delivery.PerSecond
		return nil
	}
}

// echoAtHalfLoad measures latency beside a load whose fan-outs are small, so that it is about
// waiting for a turn and not about one's place in a fan-out. The load is half of what 4
// publishers with one message in flight reach: with more in flight frames merge, and half of that
// maximum is not half of the work.
func echoAtHalfLoad(s scale) func(context.Context, *bench, *server, *record) error {
	return func(ctx context.Context, b *bench, srv *server, r *record) error {
		shape := []string{"--subscribers", strconv.Itoa(s.subscribers(1000)), "--channels", strconv.Itoa(max(100/s.divide, 1)), "--prefix", "private-load-"}
		rate, err := b.half(ctx, srv, 1, shape)
		if err != nil {
			return err
		}
		// It begins before and ends after the echo.
		whole := s.duration + s.warmup + 2*time.Second
		beside, err := b.generate(ctx, srv, false, append([]string{"fanout", "--via", "client", "--publishers", "4", "--rate", rate,
			"--warmup", "300ms", "--settle", "200ms", "--duration", whole.String(), "--drain", "3s"}, shape...)...)
		if err != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		before := histogram(ctx, srv)
		finish, err := b.generate(ctx, srv, true, append(s.common("echo"), "--via", "client", "--rate", "200")...)
		if err != nil {
			return err
		}
		result, err := finish()
		after := histogram(ctx, srv)
		load, loadErr := beside()
		if err != nil {
			return err
		}
		if loadErr != nil {
			return loadErr
		}
		r.take(result)
		r.Values["half"] = load.Delivery.PerSecond
		if load.Server != nil && load.Server.Cores != nil {
			r.Values["cores"] = *load.Server.Cores
		}
		if srv.metrics != "" {
			if p99 := after.since(before).quantile(0.99); !math.IsNaN(p99) {
				r.Values["sent_p99"] = 1e3 * p99
			}
		}
		return nil
	}
}

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
