package handshake

// LargestBytes is the most that Limits.Bytes can sensibly be: what a head may take before anybody knows whose it is.
const LargestBytes = 64 << 10

// Limits bound the head of a request.
type Limits struct {
	// Bytes is the longest head, request line and final empty line included. The request line may take half of
	// it, its CRLF included. It must be positive.
	Bytes int
	// Headers is how many header lines there may be; 0: any number that fits.
	Headers int
}

// DefaultLimits returns 8 KiB and 100 headers, as much as common servers take. Any goroutine.
func DefaultLimits() Limits { return Limits{Bytes: 8 << 10, Headers: 100} }

// line returns the longest request line.
func (l Limits) line() int { return l.Bytes / 2 }
