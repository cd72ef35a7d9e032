package admin

import (
	"io"
	"os"
	"syscall"

	"github.com/VictoriaMetrics/metrics"
)

// writeDescriptors writes how many descriptors the process has open, and how many it may have.
func writeDescriptors(w io.Writer) {
	var limit syscall.Rlimit
	// Linux 6.2 and later say how many there are. Before, they have to be counted, which for a million takes a while.
	info, err := os.Stat("/proc/self/fd")
	if err != nil || info.Size() == 0 || syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		metrics.WriteFDMetrics(w)
		return
	}
	metrics.WriteGaugeUint64(w, "process_max_fds", limit.Cur)
	metrics.WriteGaugeUint64(w, "process_open_fds", uint64(info.Size()))
}
