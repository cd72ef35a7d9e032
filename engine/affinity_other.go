//go:build unix && !linux

package engine

import (
	"errors"
	"fmt"
)

// AllowedCPUs returns errors.ErrUnsupported: see its Linux form.
func AllowedCPUs() ([]int, error) { return nil, errors.ErrUnsupported }

func checkCPUs(cpus []int, _ int) error {
	if len(cpus) > 0 {
		return fmt.Errorf("engine: pin loops to processors: %w", errors.ErrUnsupported)
	}
	return nil
}

func pin(int) error { return errors.ErrUnsupported }
