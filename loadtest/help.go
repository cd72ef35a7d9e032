package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

func writeHelp(out io.Writer) {
	var b strings.Builder
	b.WriteString("Usage: loadtest SCENARIO [flags]\n\nMeasure a server that speaks the Pusher protocol.\n\nScenarios:\n")
	for i := range scenarios {
		fmt.Fprintf(&b, "  %-8s %s\n", scenarios[i].name, scenarios[i].summary)
	}
	b.WriteString(`
Examples:

    loadtest echo
    loadtest fanout --subscribers 5000 --rate 10 --svg fanout.svg
    loadtest fanout --saturate --publishers 4 --window 8 --server-pid $(pidof gannet)
    loadtest idle --subscribers 15000 --server-pid $(pidof gannet)

"loadtest SCENARIO --help" lists the flags with the scenario's own defaults.
`)
	_, _ = io.WriteString(out, b.String()) // the terminal is gone: nobody to tell
}

func writeScenarioHelp(out io.Writer, s *scenario, flags *flag.FlagSet) {
	fmt.Fprintf(out, "Usage: loadtest %s [flags]\n\n%s%s.\n%s\n\nFlags:\n", s.name, strings.ToUpper(s.summary[:1]), s.summary[1:], s.explain)
	flags.VisitAll(func(f *flag.Flag) {
		name, usage := flag.UnquoteUsage(f)
		left := "--" + f.Name
		if name != "" {
			left += " " + strings.ToUpper(name)
		}
		if f.DefValue != "" && f.DefValue != "false" && f.Name != "secret" {
			usage += " (" + f.DefValue + ")"
		}
		fmt.Fprintf(out, "  %-26s %s\n", left, usage)
	})
}
