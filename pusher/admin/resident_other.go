//go:build !linux

package admin

// residentBytes returns the memory of the process that is in RAM, 0 when that is not known.
func residentBytes() int { return 0 }
