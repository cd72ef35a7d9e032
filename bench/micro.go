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

// admission runs the micro benchmarks of what happens before a publish.
func admission(ctx context.Context, b *bench, _ *server, r *record) error {
	duration := "300ms"
	if b.scale.quick {
		duration = "10ms"
	}
	for _, m := range []struct{ key, pkg, name string }{
		{"signature", "pusher/auth", "BenchmarkVerifierCheck"},
		{"publish", "pusher/rest", "BenchmarkPublish/channels=1/bytes=300"},
	} {
		out, err := b.testProgram(ctx, m.pkg, "-test.run", "^$", "-test.bench", "^"+strings.ReplaceAll(m.name, "/", "$/^")+"$",
			"-test.benchtime", duration, "-test.count", strconv.Itoa(b.rounds))
		if err != nil {
			return err
		}
		times, allocs := benchmarks(out, m.name)
		if len(times) == 0 {
			return fmt.Errorf("%s: no result of %s", m.pkg, m.name)
		}
		r.Values[m.key+"_ns"], r.Values[m.key+"_allocs"] = median(times), median(allocs)
	}
	return nil
}

// benchmarks returns the ns/op and allocs/op of a benchmark from go test's output.
func benchmarks(out, name string) (times, allocs []float64) {
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != name && !strings.HasPrefix(fields[0], name+"-") {
			continue
		}
		for i := 1; i < len(fields); i++ {
			v, err := strconv.ParseFloat(fields[i-1], 64)
			if err != nil {
				continue
			}
			switch fields[i] {
			case "ns/op":
				times = append(times, v)
			case "allocs/op":
				allocs = append(allocs, v)
			}
		}
	}
	return times, allocs
}

// counts runs this folder's tests, which leave what they counted as attributes.
func counts(ctx context.Context, b *bench, _ *server, r *record) error {
	out, err := b.testProgram(ctx, "bench", "-test.v", "-test.count", "1", "-test.short="+strconv.FormatBool(b.scale.quick))
	for line := range strings.Lines(out) {
		if strings.Contains(line, "_test.go:") {
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
