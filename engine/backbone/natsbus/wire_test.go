package natsbus

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// Bytes by hand, from the layout in batch.go.
const batchText = "\x01\x03abc" + "\x01\x02\x03\x04\x05\x06\x07\x08" + "\x00\x00\x00\x00\x00\x00\x01\x00" + "\xac\x02" + "\x02" + "\x02hi" + "\x00"

func TestBatchesAreWrittenAsTheyAreDescribed(t *testing.T) {
	b := &batch{epoch: "abc", id: 0x0102030405060708, at: 256, first: 300, messages: [][]byte{[]byte("hi"), {}}}
	if got := b.append(nil); string(got) != batchText {
		t.Errorf("got  %q\nwant %q", got, batchText)
	}
	got, err := parseBatch([]byte(batchText), 9)
	b.seq = 9
	if err != nil || !reflect.DeepEqual(got, b) || got.head() != 301 {
		t.Errorf("got %+v, %v; want %+v", got, err, b)
	}
	for n := range len(batchText) {
		if got, err := parseBatch([]byte(batchText[:n]), 9); err == nil {
			t.Errorf("the first %d bytes are taken for %+v", n, got)
		}
	}
	if _, err := parseBatch([]byte(batchText+"\x00"), 9); err == nil {
		t.Error("a byte too many is taken")
	}
}

// Bytes by hand, from the layout in record.go.
func TestRecordsAreWrittenAsTheyAreDescribed(t *testing.T) {
	for text, r := range map[string]*record{
		"\x01\x01\x01" + "\x00\x00\x00\x00\x00\x00\x00\x05" + "\x00" + "\x01a" + "\x03old": {kind: joined, number: 1, since: time.Unix(0, 5), name: "a", before: "old"},
		"\x01\x02\xac\x02" + "\x01k\x03v1" + "\x01e\x01" + "\x01n\x00": {kind: changed, number: 300, entries: []backbone.Entry{
			{Key: "k", Value: []byte("v1")}, {Key: "e", Value: []byte{}}, {Key: "n"},
		}},
		"\x01\x03\x07": {kind: settled, number: 7},
		"\x01\x04\x08" + "\x00\x00\x00\x00\x00\x00\x00\x05" + "\x09" + "\x01a" + "\x00" + "\x03" + "\x01k\x02v": {
			kind: whole, number: 8, since: time.Unix(0, 5), join: 9, name: "a", first: true, last: true, entries: []backbone.Entry{{Key: "k", Value: []byte("v")}},
		},
		"\x01\x05\x00": {kind: gone},
	} {
		if got := r.append(nil); string(got) != text {
			t.Errorf("%+v\ngot  %q\nwant %q", r, got, text)
		}
		got, err := parseRecord([]byte(text))
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%q\ngot  %+v, %v\nwant %+v", text, got, err, r)
		}
	}
}

func FuzzBatchesAreHarmless(f *testing.F) {
	f.Add([]byte(batchText))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseBatch(data, 0)
		if err != nil {
			return
		}
		again, err := parseBatch(b.append(nil), 0)
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Errorf("%+v is read back as %+v, %v", b, again, err)
		}
	})
}

func FuzzRecordsAreHarmless(f *testing.F) {
	f.Add([]byte("\x01\x02\xac\x02\x01k\x03v1\x01e\x01\x01n\x00"))
	f.Add([]byte("\x01\x04\x08\x00\x00\x00\x00\x00\x00\x00\x05\x09\x01a\x00\x03\x01k\x02v"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRecord(data)
		if err != nil {
			return
		}
		once := r.append(nil)
		again, err := parseRecord(once)
		if err != nil || !bytes.Equal(again.append(nil), once) {
			t.Errorf("%+v is read back as %+v, %v", r, again, err)
		}
	})
}
