//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/loadtest/report"
)

// loadGrace is the most that one run of the generator may take.
const loadGrace = 2 * time.Minute

// A generator is a run of the load generator.
type generator struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	stdout bytes.Buffer
	stderr progress
	done   chan struct{} // closed when it has ended, with err
	err    error
}

// generate begins a run against s. urgent lets it go before other generators on its processor.
func (b *bench) generate(ctx context.Context, s *server, urgent bool, args ...string) (*generator, error) {
	g := &generator{stderr: progress{measuring: make(chan struct{})}, done: make(chan struct{})}
	ctx, g.cancel = context.WithTimeout(ctx, loadGrace)
	args = append(args, "--url", s.url, "--server-pid", s.pid(), "--json", "-")
	if s.metrics != "" {
		args = append(args, "--metrics", s.metrics)
	}
	if s.speaks != "" {
		args = append(args, "--protocol", s.speaks)
	}
	g.cmd = exec.CommandContext(ctx, filepath.Join(b.dir, "loadtest"), args...)
	g.cmd.Stdout, g.cmd.Stderr = &g.stdout, &g.stderr
	if err := startOn(g.cmd, b.generatorCPU); err != nil {
		g.cancel()
		return nil, err
	}
	if urgent {
		// Only root may; without it the latency holds some of the generator's own.
		_ = unix.Setpriority(unix.PRIO_PROCESS, g.cmd.Process.Pid, -20)
	}
	go func() {
		g.err = g.cmd.Wait()
		close(g.done)
	}()
	return g, nil
}

// finish waits for the end and returns the result.
func (g *generator) finish() (*report.Result, error) {
	<-g.done
	g.cancel()
	if g.err != nil {
		return nil, fmt.Errorf("loadtest: %w: %s", g.err, g.stderr.last())
	}
	r := &report.Result{}
	if err := json.Unmarshal(g.stdout.Bytes(), r); err != nil {
		return nil, fmt.Errorf("loadtest: %w", err)
	}
	return r, nil
}

// stop ends the measured window and returns what there was.
func (g *generator) stop() (*report.Result, error) {
	_ = g.cmd.Process.Signal(os.Interrupt) // it may have ended
	return g.finish()
}

// progress is what a generator says while it runs, a line a second.
type progress struct {
	mu        sync.Mutex
	said      strings.Builder
	once      sync.Once
	measuring chan struct{} // closed when the measured window has begun
}

func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said.Write(b)
	if bytes.Contains(b, []byte("measuring")) {
		p.once.Do(func() { close(p.measuring) })
	}
	return len(b), nil
}

// last returns the last line: the error, if there is one.
func (p *progress) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := strings.TrimSpace(p.said.String())
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// alongside begins a load that lasts until it is stopped, and returns when it flows.
func (b *bench) alongside(ctx context.Context, s *server, args ...string) (*generator, error) {
	g, err := b.generate(ctx, s, false, append(args, "--duration", loadGrace.String())...)
	if err != nil {
		return nil, err
	}
	select {
	case <-g.stderr.measuring:
		return g, nil
	case <-g.done: // it says why, or the context does
		_, err = g.finish()
		return nil, errors.Join(errors.New("the load beside it ended"), err, ctx.Err())
	}
}

func (b *bench) loadtest(ctx context.Context, s *server, args ...string) (*report.Result, error) {
	g, err := b.generate(ctx, s, false, args...)
	if err != nil {
		return nil, err
	}
	return g.finish()
}

// echo measures a publisher and a subscriber of their own, before whatever else the generator does.
func (b *bench) echo(ctx context.Context, s *server, args ...string) (*report.Result, error) {
	g, err := b.generate(ctx, s, true, append(b.scale.common("echo"), args...)...)
	if err != nil {
		return nil, err
	}
	return g.finish()
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
		"--until", "all", "--warmup", "300ms", "--duration", b.scale.brief.String(), "--settle", "200ms", "--drain", "3s"}, shape...)...)
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
		load, err := b.alongside(ctx, srv, append([]string{"fanout", "--via", "client", "--publishers", "4", "--rate", rate,
			"--warmup", "300ms", "--settle", "200ms", "--drain", "3s"}, shape...)...)
		if err != nil {
			return err
		}
		before := histogram(ctx, srv)
		result, err := b.echo(ctx, srv, "--via", "client", "--rate", "200")
		after := histogram(ctx, srv)
		beside, besideErr := load.stop()
		if err = errors.Join(err, besideErr); err != nil {
			return err
		}
		r.take(result)
		r.Values["half"] = beside.Delivery.PerSecond
		if beside.Server != nil && beside.Server.Cores != nil {
			r.Values["cores"] = *beside.Server.Cores
		}
		if srv.metrics != "" {
			r.Values["sent_p99"] = 1e3 * after.since(before).quantile(0.99)
		}
		return nil
	}
}

// echoBesideFanout measures what one subscriber waits for while the server does nothing but fan
// out to many others: as soon as they have a message there is the next.
func echoBesideFanout(s scale) func(context.Context, *bench, *server, *record) error {
	return func(ctx context.Context, b *bench, srv *server, r *record) error {
		few := []string{"--via", "client", "--rate", "100"}
		alone, err := b.echo(ctx, srv, append(few, "--duration", (s.duration/2).String())...)
		if err != nil {
			return err
		}
		load, err := b.alongside(ctx, srv, s.fanout(15_000, 1, 1)...)
		if err != nil {
			return err
		}
		result, err := b.echo(ctx, srv, few...)
		beside, besideErr := load.stop()
		if err = errors.Join(err, besideErr); err != nil {
			return err
		}
		r.take(result)
		before, now := &alone.Delivery.Latency, &result.Delivery.Latency
		if before.Count == 0 || now.Count == 0 {
			return errors.New("nothing arrived")
		}
		r.Values["added_p50"], r.Values["added_p99"] = max(now.P50-before.P50, 0), max(now.P99-before.P99, 0)
		r.Values["longest"], r.Values["beside"] = now.Max, beside.Delivery.PerSecond
		return nil
	}
}

// besideDeaf measures what those that read have of it when two in three do not. What it is held
// against is the same number that all read, on a server of its own.
func besideDeaf(s scale) func(context.Context, *bench, *server, *record) error {
	readers, deaf := s.subscribers(500), s.subscribers(1000)
	// Within the window each deaf one is sent more than a megabyte.
	load := append(s.common("fanout"), "--via", "client", "--rate", "30", "--payload", "10000", "--duration", (s.duration * 4 / 3).String())
	return func(ctx context.Context, b *bench, srv *server, r *record) error {
		result, err := b.loadtest(ctx, srv, append(load, "--subscribers", strconv.Itoa(readers), "--deaf", strconv.Itoa(deaf))...)
		if err != nil {
			return err
		}
		other, err := b.start(ctx, srv.name)
		if err != nil {
			return err
		}
		defer other.stop()
		well, err := b.loadtest(ctx, other, append(load, "--subscribers", strconv.Itoa(readers+deaf))...)
		if err != nil {
			return err
		}
		r.take(result)
		d := result.Delivery
		if d.Expected > 0 {
			r.Values["arrived"] = 100 * float64(d.Delivered) / float64(d.Expected)
		}
		if well.Delivery.Latency.P99 > 0 && d.Latency.Count > 0 {
			r.Values["harm"] = d.Latency.P99 / well.Delivery.Latency.P99
		}
		if v := result.Server; v != nil && v.RSS != nil && v.RSSBefore != nil {
			r.Values["grown"] = float64(*v.RSS-*v.RSSBefore) / 1e6
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
