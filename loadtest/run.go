//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/gannet-io/gannet/loadtest/crew"
	"github.com/gannet-io/gannet/loadtest/probe"
	"github.com/gannet-io/gannet/loadtest/report"
)

// Exit codes.
const (
	exitFailed = 1 // there is no result
	exitUsage  = 2
	exitStrict = 3 // there is one, and it is not clean
)

// Run is the program: args without its name. It returns the exit code.
func Run(ctx context.Context, stdout, stderr io.Writer, args ...string) (code int) {
	if number := os.Getenv(crew.MemberEnv); number != "" {
		return member(number, stderr)
	}
	o, err := parse(stdout, args)
	switch {
	case errors.Is(err, errHelp):
		return 0
	case err != nil:
		complain(stderr, err)
		return exitUsage
	}
	result, err := o.run(ctx, stderr)
	if err == nil {
		err = o.write(stdout, result)
	}
	if err != nil {
		complain(stderr, err)
		return exitFailed
	}
	if o.strict && !result.Clean() {
		return exitStrict
	}
	return 0
}

func complain(stderr io.Writer, err error) { fmt.Fprintf(stderr, "loadtest: %v\n", err) }

// member is the life of a process that another loadtest has started.
func member(number string, stderr io.Writer) (code int) {
	quieten()
	process, err := strconv.Atoi(number)
	if err == nil {
		err = crew.Serve(process, os.Stdin, os.Stdout)
	}
	if err != nil {
		complain(stderr, err)
		return exitFailed
	}
	return 0
}

// quieten makes the collector rare: there is little garbage, and every cycle is a pause.
func quieten() { debug.SetGCPercent(400) }

func (o *options) run(ctx context.Context, stderr io.Writer) (*report.Result, error) {
	quieten()
	job := &crew.Job{Plan: &o.plan, Command: o.command, Prober: probe.Prober{Metrics: o.metrics}, Progress: stderr}
	if o.quietly {
		job.Progress = io.Discard
	}
	if o.pids != "" {
		for text := range strings.SplitSeq(o.pids, ",") {
			pid, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				return nil, fmt.Errorf("--server-pid: %q is not a number", text)
			}
			job.Prober.PIDs = append(job.Prober.PIDs, pid)
		}
	}
	outcome, err := crew.Run(ctx, job)
	if err != nil {
		return nil, err
	}
	return report.Summarize(outcome), nil
}

// write puts the result wherever it was asked for.
func (o *options) write(stdout io.Writer, r *report.Result) error {
	document, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	document = append(document, '\n')
	if o.json == "-" {
		_, err = stdout.Write(document)
	} else {
		_, err = io.WriteString(stdout, report.Table(r))
	}
	if err != nil {
		return err
	}
	if o.json != "" && o.json != "-" {
		if err := os.WriteFile(o.json, document, 0o644); err != nil {
			return err
		}
	}
	if o.svg != "" {
		return os.WriteFile(o.svg, report.SVG(r), 0o644)
	}
	return nil
}
