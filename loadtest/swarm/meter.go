//go:build linux

package swarm

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A reading is what a thread has used until a time.
type reading struct {
	cpu, wait time.Duration
	at        int64
}

// meter reads the worker's thread at the beginning and at the end of the window.
func (w *worker) meter(first bool) {
	now := reading{cpu: threadTime(), wait: threadWait(), at: w.clock.now()}
	if first {
		w.metering = now
		return
	}
	w.usage = Done{CPU: now.cpu - w.metering.cpu, Wait: now.wait - w.metering.wait, Wall: time.Duration(now.at - w.metering.at)}
}

func threadTime() time.Duration {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// threadWait returns how long the thread has been ready to run without a processor, 0 when the
// kernel does not count it.
func threadWait() time.Duration {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	ns, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return time.Duration(ns)
}

// processTime returns what the whole process has used.
func processTime() (user, system time.Duration) {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 0, 0
	}
	return time.Duration(usage.Utime.Nano()), time.Duration(usage.Stime.Nano())
}

// allowedCPUs returns the processors that the process may run on, nil when unknown.
func allowedCPUs() (cpus []int) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	for cpu := range 8 * len(set) * 8 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}
