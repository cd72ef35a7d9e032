package main

import (
	"context"
	"errors"
	"io"
)

// serve runs the server until ctx is done, then drains it.
func serve(ctx context.Context, cfg *Config, out io.Writer) error {
	return errors.New("serve: the server is not assembled yet")
}
