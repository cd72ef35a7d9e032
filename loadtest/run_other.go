//go:build !linux

package main

import (
	"context"
	"fmt"
	"io"
)

// Run says that this is the wrong system.
func Run(_ context.Context, stdout, stderr io.Writer, args ...string) (code int) {
	if _, err := parse(stdout, args); err == errHelp {
		return 0
	}
	fmt.Fprintln(stderr, "loadtest: the generator is built on epoll and needs Linux; in a container it runs anywhere")
	return 1
}
