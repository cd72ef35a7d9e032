//go:build !linux

package admin

import (
	"io"

	"github.com/VictoriaMetrics/metrics"
)

// writeDescriptors writes how many descriptors the process has open, and how many it may have, where that can be known.
func writeDescriptors(w io.Writer) { metrics.WriteFDMetrics(w) }
