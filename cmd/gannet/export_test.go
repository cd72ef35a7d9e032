package main

import (
	"context"
	"io"
	"strings"
)

// Run runs a command line as main does, with what it says on either stream.
func Run(ctx context.Context, in string, environ []string, out, errOut io.Writer, args ...string) (code int) {
	return run(&terminal{ctx: ctx, in: strings.NewReader(in), out: out, errOut: errOut, environ: environ}, args)
}

var (
	Nearest        = nearest
	ReconnectAfter = reconnectAfter
	WriteBanner    = writeBanner
	FormatDuration = formatDuration
	FormatBytes    = formatBytes
	Printable      = printable
)

// FlagPaths returns the paths that have a flag of serve.
func FlagPaths() []string {
	var paths []string
	for path := range new(serveCommand).flags() {
		paths = append(paths, path)
	}
	return paths
}

// SetVersion sets what the linker would.
func SetVersion(v, c string) (restore func()) {
	oldVersion, oldCommit := version, commit
	version, commit = v, c
	return func() { version, commit = oldVersion, oldCommit }
}
