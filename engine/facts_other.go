//go:build !linux

package engine

import "time"

func kernelFacts(int) (unacked int, rtt time.Duration, ok bool) { return 0, 0, false }
