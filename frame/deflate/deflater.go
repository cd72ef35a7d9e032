package deflate

import (
	"bytes"

	"github.com/klauspost/compress/flate"

	"github.com/gannet-io/gannet/frame"
)

// Threshold is the payload from which compressing is worth its time: in shorter ones hardly anything
// repeats, and the frame fits into one segment as it is.
const Threshold = 512

// level is the fastest. The next ones make ticker messages 2 to 6 % smaller, for 10 to 60 % more time and
// twice the memory (BenchmarkDeflate).
const level = 1

// tail is what a sender leaves out at the end of every message (RFC 7692 §7.2.1).
var tail = []byte{0x00, 0x00, 0xff, 0xff}

// A Deflater compresses messages, one at a time. Its zero value is ready; it takes half a megabyte from
// the first message on. Owned by one goroutine at a time.
type Deflater struct {
	w   *flate.Writer
	out sink
}

// A sink collects what is written to it.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// Append appends the compressed form of payload to dst, without the four bytes that every message ends
// in. dst is taken, payload is borrowed.
func (d *Deflater) Append(dst, payload []byte) []byte {
	d.out.b = dst
	if d.w == nil {
		w, err := flate.NewWriter(&d.out, level)
		if err != nil {
			panic(err) // the level is a constant
		}
		d.w = w
	} else {
		d.w.Reset(&d.out)
	}
	// Neither can fail: the sink does not.
	_, _ = d.w.Write(payload)
	_ = d.w.Flush()
	dst, d.out.b = d.out.b, nil
	if !bytes.HasSuffix(dst, tail) {
		panic("deflate: a flush that does not end in an empty stored block")
	}
	return dst[:len(dst)-len(tail)]
}

// Twin returns the frame of p compressed, or p itself where that is no use: a control frame, several frames
// in one piece, a payload below [Threshold], one that does not get smaller. p is shared. scratch is the
// caller's, borrowed, and returned grown.
func (d *Deflater) Twin(p *frame.Prepared, scratch []byte) (twin *frame.Prepared, grown []byte) {
	if p.Len() < Threshold {
		return p, scratch
	}
	op := p.Opcode()
	if op != frame.Text && op != frame.Binary || len(p.Payload()) < Threshold {
		return p, scratch
	}
	scratch = d.Append(scratch[:0], p.Payload())
	if len(scratch) >= len(p.Payload()) {
		return p, scratch
	}
	return frame.PrepareDeflated(op, append(frame.NewBuffer(len(scratch)), scratch...), p.Len()), scratch
}
