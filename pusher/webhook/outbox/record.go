package outbox

import (
	"encoding/binary"
	"errors"
	"time"
)

// Batches and dead letters on disk are a byte for the layout, then fields one after the other. Numbers are varints,
// strings have their length before them, and the events are all that is left.
const (
	layoutBatch = 1
	layoutDead  = 2
)

// ErrRecord says that a record is not of a layout that this version writes.
var ErrRecord = errors.New("outbox: a record that cannot be read")

// AppendRecord appends what is kept of b beside its Seq: attempts and their failures are not.
func AppendRecord(dst []byte, b *Batch) []byte {
	dst = append(dst, layoutBatch)
	dst = appendString(dst, b.App)
	dst = appendString(dst, b.Webhook)
	dst = binary.AppendVarint(dst, b.Created.UnixMilli())
	dst = binary.AppendUvarint(dst, uint64(b.Count))
	dst = binary.AppendUvarint(dst, uint64(len(b.Channels)))
	for _, channel := range b.Channels {
		dst = appendString(dst, channel)
	}
	return append(dst, b.Events...)
}

// AppendDead appends what is kept of a dead letter.
func AppendDead(dst []byte, d *Dead) []byte {
	dst = append(dst, layoutDead)
	dst = appendString(dst, d.Reason)
	dst = binary.AppendVarint(dst, d.At.UnixMilli())
	dst = binary.AppendUvarint(dst, uint64(d.Attempts))
	return AppendRecord(dst, d.Batch)
}

// ParseRecord reads what AppendRecord wrote. data is copied.
func ParseRecord(seq uint64, data []byte) (*Batch, error) {
	r := reader{data: data}
	b := r.batch(seq)
	if r.bad {
		return nil, ErrRecord
	}
	return b, nil
}

// ParseDead reads what AppendDead wrote. data is copied.
func ParseDead(seq uint64, data []byte) (*Dead, error) {
	r := reader{data: data}
	r.layout(layoutDead)
	d := &Dead{Reason: r.string(), At: time.UnixMilli(r.varint())}
	attempts := r.uvarint()
	d.Batch = r.batch(seq)
	if r.bad {
		return nil, ErrRecord
	}
	d.Attempts = int(attempts)
	return d, nil
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// A reader takes fields off the front. Once something was bad all that follows is empty.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) batch(seq uint64) *Batch {
	r.layout(layoutBatch)
	b := &Batch{Seq: seq, App: r.string(), Webhook: r.string(), Created: time.UnixMilli(r.varint()), Count: int(r.uvarint())}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		b.Channels = append(b.Channels, r.string())
	}
	b.Events = append([]byte(nil), r.data...)
	return b
}

func (r *reader) layout(want byte) {
	if r.bad = r.bad || len(r.data) == 0 || r.data[0] != want; !r.bad {
		r.data = r.data[1:]
	}
}

func (r *reader) string() string {
	n := r.uvarint()
	if r.bad = r.bad || n > uint64(len(r.data)); r.bad {
		return ""
	}
	s := string(r.data[:n])
	r.data = r.data[n:]
	return s
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.data)
	return skipped(r, n, size)
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.data)
	return skipped(r, n, size)
}

// skipped takes size bytes off, which held n.
func skipped[N int64 | uint64](r *reader, n N, size int) N {
	if r.bad = r.bad || size <= 0; r.bad {
		return 0
	}
	r.data = r.data[size:]
	return n
}
