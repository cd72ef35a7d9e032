package engine

import (
	"testing"
	"unsafe"
)

func TestConnIs128BytesAndWhatAFanOutReadsIsInOneCacheLine(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n != 128 {
		t.Errorf("a Conn is %d bytes", n)
	}
	var c Conn
	if from, to := unsafe.Offsetof(c.fd), unsafe.Offsetof(c.restTail)+unsafe.Sizeof(c.restTail); from != 64 || to > 128 {
		t.Errorf("bytes %d to %d", from, to)
	}
}

func TestABlockOfTheArenaIsACacheLine(t *testing.T) {
	if n := unsafe.Sizeof(block{}); n != 64 {
		t.Errorf("a block is %d bytes", n)
	}
}
