package engine

import (
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// AllowedCPUs returns the numbers of the processors that this process may run on, in
// ascending order. On systems without affinity it returns errors.ErrUnsupported. Any
// goroutine.
func AllowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("engine: read the affinity: %w", err)
	}
	cpus := make([]int, 0, set.Count())
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus, nil
}

// checkCPUs refuses processors that loops cannot be tied to.
func checkCPUs(cpus []int, loops int) error {
	if len(cpus) == 0 {
		return nil
	}
	allowed, err := AllowedCPUs()
	if err != nil {
		return err
	}
	for _, cpu := range cpus {
		if !slices.Contains(allowed, cpu) {
			return fmt.Errorf("engine: processor %d is not one this process may run on, which are %d", cpu, allowed)
		}
	}
	if len(cpus) < loops {
		return fmt.Errorf("engine: %d processors for %d loops", len(cpus), loops)
	}
	return nil
}

// pin ties the calling goroutine, and its thread, to a processor for good: when the goroutine
// ends Go ends the thread as well, so that no other goroutine inherits the mask.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("engine: pin a loop to processor %d: %w", cpu, err)
	}
	return nil
}
