package natsbus

import (
	"encoding/binary"
	"errors"
)

// A batch is one write to a topic's log: messages that follow each other. One without messages says the epoch of a log that is empty, or
// that one which nobody writes to is still needed.
//
//	version 1, length of epoch, epoch, 8 bytes id, 8 bytes time, uvarint first, uvarint count, then for each message uvarint length and the message
type batch struct {
	epoch    string
	id       uint64 // random, so that its writer can see whether it was written
	at       int64  // Unix nanoseconds
	first    uint64 // offset of the first message, or of the next one when there is none
	messages [][]byte

	seq uint64 // of the stream, once it has one
}

var errBatch = errors.New("natsbus: bytes in a log that are no batch")

// head is the offset of the newest message when the batch is the last.
func (b *batch) head() uint64 { return b.first + uint64(len(b.messages)) - 1 }

func (b *batch) append(dst []byte) []byte {
	dst = append(dst, 1, byte(len(b.epoch)))
	dst = append(dst, b.epoch...)
	dst = binary.BigEndian.AppendUint64(dst, b.id)
	dst = binary.BigEndian.AppendUint64(dst, uint64(b.at))
	dst = binary.AppendUvarint(dst, b.first)
	dst = binary.AppendUvarint(dst, uint64(len(b.messages)))
	for _, m := range b.messages {
		dst = binary.AppendUvarint(dst, uint64(len(m)))
		dst = append(dst, m...)
	}
	return dst
}

// parseBatch reads a batch. Its messages share data.
func parseBatch(data []byte, seq uint64) (*batch, error) {
	if len(data) < 2 || data[0] != 1 {
		return nil, errBatch
	}
	n := int(data[1])
	data = data[2:]
	if n == 0 || n > 16 || len(data) < n+16 {
		return nil, errBatch
	}
	b := &batch{
		epoch: string(data[:n]),
		id:    binary.BigEndian.Uint64(data[n:]),
		at:    int64(binary.BigEndian.Uint64(data[n+8:])),
		seq:   seq,
	}
	data = data[n+16:]
	var ok bool
	var count uint64
	if b.first, data, ok = uvarint(data); !ok || b.first == 0 || b.first >= 1<<53 {
		return nil, errBatch
	}
	if count, data, ok = uvarint(data); !ok || count > uint64(len(data)) {
		return nil, errBatch
	}
	if count > 0 {
		b.messages = make([][]byte, count)
	}
	for i := range b.messages {
		if b.messages[i], data, ok = span(data); !ok {
			return nil, errBatch
		}
	}
	if len(data) > 0 {
		return nil, errBatch
	}
	return b, nil
}

// uvarint takes a number off the front of data.
func uvarint(data []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, nil, false
	}
	return v, data[n:], true
}

// span takes a length and as many bytes off the front of data.
func span(data []byte) (b, rest []byte, ok bool) {
	n, data, ok := uvarint(data)
	if !ok || n > uint64(len(data)) {
		return nil, nil, false
	}
	return data[:n:n], data[n:], true
}
