//go:build linux

// Command bench holds Gannet against its goals: it starts servers on one processor and the load
// generator on another, runs each line of the table in rounds in which the servers take turns,
// and prints medians beside the yardstick of the same rounds, bench/ceiling, one send per
// subscriber on one thread. Rivals join by --rival.
//
// It measures whole processes from the outside. What must never get worse, and can be counted
// rather than timed, is in this folder's tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const usage = `Usage: go run ./bench [flags]

Measure Gannet against its goals and against a plain send loop (bench/ceiling), in turns.

  --quick               a smoke test of less than a minute; its numbers mean nothing
  --only NAME,NAME…     only these lines; repeatable
  --rounds N            rounds, of which medians are taken (3)
  --rival NAME=COMMAND  one more server; {port} in the command is the port to listen on, and
                        the app is app-id, app-key, app-secret; NAME@centrifuge=COMMAND for one
                        that speaks Centrifugo's protocol; repeatable
  --rival goroutines    bench/goroutines, a plain Go server with goroutines per connection
  --markdown            print the tables in Markdown
  --svg FILE            draw the results into FILE
  --from FILE           print the tables of a results file and measure nothing
  --out FOLDER          where results files go (bench/results; with --quick none is written)
  --cpus S,G            processors of the server and of the generator (chosen)

Lines:
`

// options is the command line.
type options struct {
	quick, markdown bool
	only            []string
	rounds          int
	rivals          []rival
	from, out, svg  string
	cpus            string
}

// A rival is a server to compare with. One of ours has no command.
type rival struct{ name, command, protocol string }

// extras are our own servers that take part when asked for.
var extras = []string{"goroutines"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Stderr, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(out io.Writer, args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		for _, l := range lines(fullScale) {
			what := l.title
			if l.extra {
				what += " (only when named)"
			}
			fmt.Fprintf(out, "  %-14s %s\n", l.name, what)
		}
	}
	flags.BoolVar(&o.quick, "quick", false, "")
	flags.BoolVar(&o.markdown, "markdown", false, "")
	flags.IntVar(&o.rounds, "rounds", 3, "")
	flags.StringVar(&o.from, "from", "", "")
	flags.StringVar(&o.out, "out", "", "")
	flags.StringVar(&o.svg, "svg", "", "")
	flags.StringVar(&o.cpus, "cpus", "", "")
	flags.Func("only", "", func(text string) error {
		o.only = append(o.only, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })...)
		return nil
	})
	flags.Func("rival", "", func(text string) error {
		if slices.Contains(extras, text) {
			o.rivals = append(o.rivals, rival{name: text})
			return nil
		}
		name, command, ok := strings.Cut(text, "=")
		name, protocol, _ := strings.Cut(name, "@")
		if !ok || protocol != "" && protocol != "centrifuge" || !strings.Contains(command, "{port}") || name == "gannet" || name == "ceiling" || slices.Contains(extras, name) {
			return errors.New("must be NAME=COMMAND or NAME@centrifuge=COMMAND, with {port} in the command, or goroutines")
		}
		o.rivals = append(o.rivals, rival{name, command, protocol})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.only = append(o.only, flags.Args()...) // --only a b
	if o.quick {
		o.rounds = 1
	}
	if o.rounds < 1 {
		return nil, errors.New("--rounds must be at least 1")
	}
	for _, name := range o.only {
		if !slices.ContainsFunc(lines(fullScale), func(l line) bool { return l.name == name }) {
			return nil, fmt.Errorf("there is no line %q; --help has them", name)
		}
	}
	return o, nil
}

// chosen returns the lines to run.
func (o *options) chosen(s scale) (all []line) {
	for _, l := range lines(s) {
		if len(o.only) == 0 && !l.extra || slices.Contains(o.only, l.name) {
			all = append(all, l)
		}
	}
	return all
}

func run(ctx context.Context, stdout, stderr io.Writer, args []string) error {
	o, err := parse(stdout, args)
	if err != nil {
		return err
	}
	if o.from != "" {
		r, err := readResults(o.from)
		if err != nil {
			return err
		}
		return o.show(stdout, r)
	}
	b, err := newBench(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer b.close()
	r := &results{head: b.head(ctx, args)}
	for _, l := range b.lines {
		if ctx.Err() != nil {
			break
		}
		r.records = append(r.records, b.measure(ctx, &l)...)
	}
	if !o.quick || o.out != "" { // first of all, so that nothing else can lose it
		path, err := r.write(orElse(o.out, filepath.Join(b.root, "bench", "results")))
		if err != nil {
			return err
		}
		fmt.Fprintf(stderr, "bench: %s in %s\n", path, time.Since(b.began).Round(time.Second))
	}
	return errors.Join(o.show(stdout, r), ctx.Err())
}

// show prints the tables, and draws the picture if one is wanted.
func (o *options) show(out io.Writer, r *results) error {
	if _, err := io.WriteString(out, r.text(o.markdown)); err != nil || o.svg == "" {
		return err
	}
	return os.WriteFile(o.svg, r.svg(), 0o644)
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
