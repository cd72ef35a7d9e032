package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks to stop; with the handler gone, a second one kills.
	context.AfterFunc(ctx, stop)
	os.Exit(run(&terminal{
		ctx:     ctx,
		in:      os.Stdin,
		out:     os.Stdout,
		errOut:  os.Stderr,
		environ: os.Environ(),
		program: os.Args[0],
	}, os.Args[1:]))
}
