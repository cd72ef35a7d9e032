package handshake

import "bytes"

// Complete looks for the end of the head at the start of b, resuming where it
// stopped: from is 0 at first and then the next of the call before, while b only
// grows. So a head that trickles in byte by byte is looked at once, not once for
// each byte.
//
// n is 0 while more bytes are needed. Otherwise it is time to call [Parse], which
// will not ask for more: n is the size of the head, or of so much of b as shows
// that Parse, given the same limits, is going to refuse it. b is borrowed. Any goroutine.
func Complete(b []byte, from int, lim Limits) (n, next int) {
	// A TLS hello or a PROXY header has no line to wait for.
	if len(b) > 0 && class[b[0]]&tokenChar == 0 {
		return 1, 1
	}
	window := b[:min(len(b), lim.Bytes)]
	for i := from; i < len(window); i++ {
		lf := bytes.IndexByte(window[i:], '\n')
		if lf < 0 {
			break
		}
		i += lf
		if i == 0 || window[i-1] != '\r' {
			return i + 1, i + 1
		}
		if i >= 3 && window[i-2] == '\n' {
			return i + 1, i + 1
		}
	}
	if len(window) == lim.Bytes {
		return lim.Bytes, lim.Bytes
	}
	// The first line is looked at again, at most once: the next from is past it.
	if line := lim.line(); from < line && len(window) >= line && bytes.IndexByte(window[:line], '\n') < 0 {
		return line, line
	}
	return 0, len(window)
}
