package deflate

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"

	"github.com/gannet-io/gannet/frame"
)

var (
	errTooBig      = &frame.Error{Code: frame.MessageTooBig, Reason: "inflated_too_big"}
	errCorrupt     = &frame.Error{Code: frame.InvalidPayload, Reason: "corrupt_deflate"}
	errInvalidUTF8 = &frame.Error{Code: frame.InvalidPayload, Reason: "invalid_utf8"}
)

const (
	// keep is the most that an Inflater keeps of either buffer from one message to the next.
	keep = 128 << 10
	// history is how far back a reference may go (RFC 1951 §2).
	history = 32 << 10
	// maxStreams bounds how often a message may end in a final block and go on: each time the tables
	// of the decoder are set up anew, which costs more than the three bytes that ask for it.
	maxStreams = 64
)

// ending completes a message: the four bytes left out, and a final block, so that a message which is whole
// ends like a stream that is whole.
var ending = []byte{0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff}

// An Inflater decompresses messages, one at a time. Its zero value is ready; it takes some 40 KB from the
// first message on, and as much as the message. Owned by one goroutine at a time.
type Inflater struct {
	r   io.ReadCloser // also a flate.Resetter
	in  []byte
	src bytes.Reader
	out []byte
}

// Inflate returns the message that m, which came [frame.Message.Deflated], stands for. Its payload is borrowed
// until the next call; that of m is, too.
//
// A *[frame.Error] says how to fail the connection: 1009 as soon as there are more than limit bytes (0: no
// limit), of which no more are ever held; 1007 for what is no DEFLATE, or no UTF-8 though it is text.
func (f *Inflater) Inflate(m frame.Message, limit int) (frame.Message, error) {
	payload, err := f.inflate(m.Payload, limit)
	switch {
	case err != nil:
		return frame.Message{}, err
	case m.Opcode == frame.Text && !utf8.Valid(payload):
		return frame.Message{}, errInvalidUTF8
	}
	return frame.Message{Opcode: m.Opcode, Payload: payload}, nil
}

func (f *Inflater) inflate(payload []byte, limit int) ([]byte, error) {
	if cap(f.in) > keep {
		f.in = nil
	}
	if cap(f.out) > keep {
		f.out = nil
	}
	f.in = append(append(f.in[:0], payload...), ending...)
	f.out = f.out[:0]
	f.src.Reset(f.in)
	for range maxStreams {
		if err := f.stream(limit); err != nil {
			return nil, err
		}
		// RFC 7692 §7.2.1: there may be blocks behind a final one. One that a sender ends its message
		// with need not be followed by the empty block that it should.
		if left := f.src.Len(); left == 0 || left == len(ending) {
			return f.out, nil
		}
	}
	return nil, errCorrupt
}

// stream decompresses up to a final block.
func (f *Inflater) stream(limit int) error {
	window := f.out[max(0, len(f.out)-history):]
	if f.r == nil {
		f.r = flate.NewReaderDict(&f.src, window)
	} else if err := f.r.(flate.Resetter).Reset(&f.src, window); err != nil {
		return errCorrupt
	}
	for {
		if len(f.out) == cap(f.out) {
			f.grow(limit)
		}
		n, err := f.r.Read(f.out[len(f.out):cap(f.out)])
		f.out = f.out[:len(f.out)+n]
		switch {
		case limit > 0 && len(f.out) > limit:
			return errTooBig
		case err == io.EOF:
			return nil
		case err != nil:
			return errCorrupt
		}
	}
}

// grow doubles the room for output, up to one byte more than it may have.
func (f *Inflater) grow(limit int) {
	size := max(2*cap(f.out), 4<<10)
	if limit > 0 && limit < size {
		size = limit + 1
	}
	f.out = append(make([]byte, 0, size), f.out...)
}
