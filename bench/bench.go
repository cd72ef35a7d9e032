//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A bench is what is needed to run lines.
type bench struct {
	root, dir    string // of the repository; of what was built
	stderr       io.Writer
	began        time.Time
	lines        []line
	rounds       int
	scale        scale
	names        []string         // ceiling, gannet and the rivals, in turn
	rivals       map[string]rival // those that are not ours
	serverCPU    int
	generatorCPU int
	nextPort     int
	notes        []string // for the head of the results
}

// spareFDs are for what is not a conn of the load.
const spareFDs = 500

func newBench(ctx context.Context, o *options, stderr io.Writer) (*bench, error) {
	b := &bench{
		stderr: stderr, began: time.Now(), rounds: o.rounds, scale: fullScale,
		names: []string{"ceiling", "gannet"}, rivals: make(map[string]rival), nextPort: firstEphemeral(),
	}
	if o.quick {
		b.scale = scale{divide: 20, duration: 300 * time.Millisecond, brief: 300 * time.Millisecond, warmup: 100 * time.Millisecond, idle: 300 * time.Millisecond, quick: true}
	}
	for _, r := range o.rivals {
		b.names = append(b.names, r.name)
		if r.command != "" {
			b.rivals[r.name] = r
		}
	}
	if err := b.files(); err != nil {
		return nil, err
	}
	var err error
	if b.serverCPU, b.generatorCPU, err = processors(o.cpus); err != nil {
		return nil, err
	}
	if b.serverCPU == b.generatorCPU {
		b.note("There is one processor: server and generator share it and measure each other.")
	}
	if b.nextPort <= 1100 {
		b.note("net.ipv4.ip_local_port_range leaves no ports to listen on; a listener may find its port taken.")
	}
	b.lines = o.chosen(b.scale)
	module, err := output(ctx, "", "go", "env", "GOMOD")
	if err != nil {
		return nil, err
	}
	b.root = filepath.Dir(module)
	if b.dir, err = os.MkdirTemp("", "gannet-bench-"); err != nil {
		return nil, err
	}
	if err := b.build(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// files lets this process and its children open as many files as they may, and sees what that is
// enough for.
func (b *bench) files() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	b.scale.most = int(min(limit.Cur, 1<<30)) - spareFDs
	if b.scale.most < 15_000/b.scale.divide {
		b.note("The limit of %d open files allows %d subscribers.", limit.Cur, b.scale.most)
	}
	return nil
}

func (b *bench) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
	b.say("%s", b.notes[len(b.notes)-1])
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.stderr, "%6.0fs  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// build makes the programs as users have them.
func (b *bench) build(ctx context.Context) error {
	b.say("building")
	for _, pkg := range []string{"./cmd/gannet", "./bench/ceiling", "./bench/goroutines", "./loadtest"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.dir+"/", pkg)
		cmd.Dir, cmd.Env = b.root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	f, err := os.Create(filepath.Join(b.dir, "gannet.yaml"))
	if err != nil {
		return err
	}
	return errors.Join(configuration(f), f.Close())
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// rival reports whether a server is there only to compare with.
func (b *bench) rival(name string) bool { return name != "gannet" && name != "ceiling" }

// measure runs a line on its servers, in turns.
func (b *bench) measure(ctx context.Context, l *line) (all []record) {
	rounds := b.rounds
	if l.once {
		rounds = 1
	}
	for round := 1; round <= rounds; round++ {
		for _, name := range b.names {
			if l.ours && name != "gannet" || l.glance && round > 1 && b.rival(name) {
				continue
			}
			if ctx.Err() != nil {
				return all
			}
			r := record{Line: l.name, Server: name, Round: round, Values: make(map[string]float64)}
			if err := b.once(ctx, l, name, &r); err != nil {
				r.Error = err.Error()
			}
			// Neither a ratio to nothing nor the last bucket of a histogram is a number to keep.
			maps.DeleteFunc(r.Values, func(_ string, v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
			b.say("%-14s %d %-8s %s", l.name, round, name, r.summary(l))
			all = append(all, r)
		}
	}
	return all
}

// once runs a line on a server that was started for it.
func (b *bench) once(ctx context.Context, l *line, name string, r *record) error {
	if l.serverless {
		return l.run(ctx, b, nil, r)
	}
	s, err := b.start(ctx, name)
	if err != nil {
		return err
	}
	defer s.stop()
	err = l.run(ctx, b, s, r)
	select {
	case <-s.done:
		return errors.Join(fmt.Errorf("the server ended: %s", s.lastWords()), err)
	default:
		return err
	}
}

// output runs a command and returns what it says, without the last line end.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), err
}
