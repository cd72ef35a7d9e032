package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// commands is the command line; kong fills it.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Run the server."`
	Check     checkCommand     `cmd:"" help:"Say what is wrong with a configuration file, or what it configures."`
	Subscribe subscribeCommand `cmd:"" help:"Print the events of channels as they arrive."`
	Publish   publishCommand   `cmd:"" help:"Publish an event to a channel."`
	Echo      echoCommand      `cmd:"" help:"Give WebSocket messages back, for conformance suites."`
	Webhooks  webhooksCommand  `cmd:"" help:"Look after webhooks of a running server."`
	Cluster   clusterCommand   `cmd:"" help:"Look at the cluster of a running server."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}

// A terminal is what a command has of the world.
type terminal struct {
	ctx     context.Context // done when the person or the system asks to stop
	in      io.Reader
	out     io.Writer // results
	errOut  io.Writer // errors and progress
	environ []string
	program string // as it was started, such as bin/gannet
}

const description = `Gannet is a real-time server for the stock Pusher SDKs.

A first minute, in three terminals:

  gannet serve --dev
  gannet subscribe my-channel
  gannet publish my-channel my-event hello`

// Exit codes besides 0.
const (
	exitFailed = 1 // the command could not do it
	exitUsage  = 2 // the command line makes no sense
)

// run runs the command that args name and returns the exit code.
func run(t *terminal, args []string) (code int) {
	var cli commands
	// kong ends --help by Exit; here it must end run and not the test.
	type exit struct{ code int }
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exit:
			code = e.code
		default:
			panic(e)
		}
	}()
	parser := kong.Must(&cli,
		kong.Name("gannet"),
		kong.Description(description),
		kong.Writers(t.out, t.errOut),
		kong.Exit(func(code int) { panic(exit{code}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	command, err := parser.Parse(asOthersSay(args))
	if err != nil {
		hint := ""
		if text, ok := strings.CutPrefix(err.Error(), "unknown flag -"); ok && !strings.HasPrefix(text, "-") {
			hint = "An argument that begins with a dash goes after --, as in: gannet publish temp reading -- -5\n"
		}
		fmt.Fprintf(t.errOut, "gannet: %v\n%sTry \"gannet --help\".\n", err, hint)
		return exitUsage
	}
	if err := command.Run(t); err != nil {
		var problems Problems
		if errors.As(err, &problems) {
			// Lines that editors and CI can follow, so with nothing before the place.
			fmt.Fprintln(t.errOut, problems)
		} else {
			fmt.Fprintf(t.errOut, "gannet: %v\n", err)
		}
		return exitFailed
	}
	return 0
}

// asOthersSay turns what people try first, because other programs have it, into what there is: "help serve" and "--version".
func asOthersSay(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case len(args) == 1 && args[0] == "--version":
		return []string{"version"}
	}
	return args
}
