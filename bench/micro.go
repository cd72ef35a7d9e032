//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// testProgram builds the tests of a package and runs them on the server's processor.
func (b *bench) testProgram(ctx context.Context, pkg string, args ...string) (string, error) {
	program := filepath.Join(b.dir, strings.ReplaceAll(pkg, "/", "-")+".test")
	if _, err := output(ctx, b.root, "go", "test", "-c", "-o", program, "./"+pkg); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Join(b.root, pkg)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := startOn(cmd, b.serverCPU); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("tests of %s: %w", pkg, err)
	}
	return out.String(), nil
}

// A micro is a micro benchmark, and the keys under which its values go into a record by unit.
type micro struct {
	pkg, name string
	keys      map[string]string
}

// benchmarked returns a line's run of benchmarks beside their code.
func benchmarked(list ...micro) func(context.Context, *bench, *server, *record) error {
	return func(ctx context.Context, b *bench, _ *server, r *record) error {
		duration := "300ms"
		if b.scale.quick {
			duration = "10ms"
		}
		for _, m := range list {
			out, err := b.testProgram(ctx, m.pkg, "-test.run", "^$", "-test.bench", "^"+strings.ReplaceAll(m.name, "/", "$/^")+"$",
				"-test.benchtime", duration, "-test.count", strconv.Itoa(b.rounds))
			if err != nil {
				return err
			}
			values := benchmarks(out, m.name)
			for unit, key := range m.keys {
				if len(values[unit]) == 0 {
					return fmt.Errorf("%s: no %s of %s", m.pkg, unit, m.name)
				}
				r.Values[key] = median(values[unit])
			}
		}
		return nil
	}
}

// admission is what happens before a publish.
var admission = benchmarked(
	micro{"pusher/auth", "BenchmarkVerifierCheck", map[string]string{"ns/op": "signature_ns", "allocs/op": "signature_allocs"}},
	micro{"pusher/rest", "BenchmarkPublish/channels=1/bytes=300", map[string]string{"ns/op": "publish_ns", "allocs/op": "publish_allocs"}},
)

// compression is a message of 2 KiB to 1,000 subscribers, of whom none or all take it compressed.
var compression = benchmarked(
	micro{"engine/hub", "BenchmarkPublishCompressed/none", map[string]string{"ns/delivery": "plain_ns", "B/delivery": "plain_bytes"}},
	micro{"engine/hub", "BenchmarkPublishCompressed/all", map[string]string{"ns/delivery": "deflated_ns", "B/delivery": "deflated_bytes"}},
)

// benchmarks returns the values of a benchmark by unit from go test's output.
func benchmarks(out, name string) map[string][]float64 {
	values := make(map[string][]float64)
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != name && !strings.HasPrefix(fields[0], name+"-") {
			continue
		}
		// The number of runs, then pairs of a value and its unit.
		for i := 3; i < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i-1], 64); err == nil {
				values[fields[i]] = append(values[fields[i]], v)
			}
		}
	}
	return values
}

// counts runs this folder's tests, which leave what they counted as attributes.
func counts(ctx context.Context, b *bench, _ *server, r *record) error {
	out, err := b.testProgram(ctx, "bench", "-test.v", "-test.count", "1", "-test.short="+strconv.FormatBool(b.scale.quick))
	failed := err != nil // else such lines only say what was left out, and why
	for line := range strings.Lines(out) {
		if failed && strings.Contains(line, "_test.go:") {
			err = errors.Join(err, errors.New(strings.TrimSpace(line)))
		}
		if fields := strings.Fields(line); len(fields) == 5 && fields[0] == "===" && fields[1] == "ATTR" {
			if v, err := strconv.ParseFloat(fields[4], 64); err == nil {
				r.Values[fields[3]] = v
			}
		}
	}
	if err != nil {
		return err
	}
	if len(r.Values) == 0 {
		return errors.New("the tests of bench told nothing")
	}
	return nil
}
