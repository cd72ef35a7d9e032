package natsbus

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A kind says what a record is for.
type kind byte

const (
	joined  kind = 1 // the first of an incarnation
	changed kind = 2 // entries that it put; none: it lives
	settled kind = 3 // it has put everything, the incarnation before it is given up
	whole   kind = 4 // a part of all its entries, so that the records before can be forgotten
	gone    kind = 5 // it is off the board; the only kind that others may write
)

// A record is one message of the board, on the subject of the incarnation that it is about. Each is written on condition that the subject's last one is the
// one its writer knows. So an incarnation's records have no holes, none is written twice, and none comes behind gone.
//
//	version 1, kind, uvarint number
//	joined, whole: 8 bytes since, uvarint sequence of joined, name and incarnation before, each with its length
//	whole: byte flags: 1 first part, 2 last part
//	joined ends here; changed, whole: for each entry uvarint length of key, key, uvarint 0 or 1 + length of value, value
type record struct {
	kind        kind
	number      uint64 // counts an incarnation's records from 1; of gone 0
	since       time.Time
	join        uint64 // sequence of joined, in whole
	name        string
	before      string // incarnation that settled gives up; "" for none
	first, last bool   // part of whole
	entries     []backbone.Entry
}

var errRecord = errors.New("natsbus: bytes on the board that are no record")

func (r *record) append(dst []byte) []byte {
	dst = append(dst, 1, byte(r.kind))
	dst = binary.AppendUvarint(dst, r.number)
	if r.kind == joined || r.kind == whole {
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.since.UnixNano()))
		dst = binary.AppendUvarint(dst, r.join)
		dst = appendSpan(dst, r.name)
		dst = appendSpan(dst, r.before)
	}
	if r.kind == whole {
		var flags byte
		if r.first {
			flags |= 1
		}
		if r.last {
			flags |= 2
		}
		dst = append(dst, flags)
	}
	for _, e := range r.entries {
		dst = appendSpan(dst, e.Key)
		if e.Value == nil {
			dst = append(dst, 0)
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(len(e.Value))+1)
		dst = append(dst, e.Value...)
	}
	return dst
}

func appendSpan(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// entryBytes is at most what an entry takes in a record.
func entryBytes(e backbone.Entry) int { return len(e.Key) + len(e.Value) + 8 }

// parseRecord reads a record. Values share data.
func parseRecord(data []byte) (*record, error) {
	if len(data) < 3 || data[0] != 1 || data[1] < byte(joined) || data[1] > byte(gone) {
		return nil, errRecord
	}
	r := &record{kind: kind(data[1])}
	var ok bool
	if r.number, data, ok = uvarint(data[2:]); !ok {
		return nil, errRecord
	}
	if r.kind == joined || r.kind == whole {
		if len(data) < 8 {
			return nil, errRecord
		}
		r.since = time.Unix(0, int64(binary.BigEndian.Uint64(data)))
		var name, before []byte
		if r.join, data, ok = uvarint(data[8:]); !ok {
			return nil, errRecord
		}
		if name, data, ok = span(data); !ok {
			return nil, errRecord
		}
		if before, data, ok = span(data); !ok {
			return nil, errRecord
		}
		r.name, r.before = string(name), string(before)
	}
	if r.kind == whole {
		if len(data) < 1 {
			return nil, errRecord
		}
		r.first, r.last = data[0]&1 != 0, data[0]&2 != 0
		data = data[1:]
	}
	for len(data) > 0 && (r.kind == changed || r.kind == whole) {
		var key, value []byte
		var n uint64
		if key, data, ok = span(data); !ok {
			return nil, errRecord
		}
		if n, data, ok = uvarint(data); !ok || n > uint64(len(data))+1 {
			return nil, errRecord
		}
		if n > 0 {
			value, data = data[:n-1:n-1], data[n-1:]
		}
		r.entries = append(r.entries, backbone.Entry{Key: string(key), Value: value})
	}
	return r, nil
}
