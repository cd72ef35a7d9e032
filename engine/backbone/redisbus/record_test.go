package redisbus_test

import (
	"testing"

	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

func TestRecordsAreReadAsTheScriptWritesThem(t *testing.T) {
	epoch, e, ok := redisbus.ParseRecord("abcdefghij 9007199254740990 1700000000123456 a b\x00 c")
	if !ok || epoch != "abcdefghij" || e.Offset != 9007199254740990 || e.At != 1700000000123456000 || string(e.Message) != "a b\x00 c" {
		t.Errorf("%q %+v %v", epoch, e, ok)
	}
	if _, e, ok := redisbus.ParseRecord("e 1 2 "); !ok || len(e.Message) != 0 {
		t.Errorf("an empty message: %+v %v", e, ok)
	}
	for _, text := range []string{"", "e", "e 1", "e 1 2", "e x 2 m", "e 1 x m", "e 0 2 m", " 1 2 m", "e -1 2 m", "e 1.5 2 m"} {
		if _, e, ok := redisbus.ParseRecord(text); ok {
			t.Errorf("%q is taken for %+v", text, e)
		}
	}
}

func FuzzRecordsAreHarmless(f *testing.F) {
	f.Add("abcdefghij 1 1700000000123456 message")
	f.Add("  ")
	f.Fuzz(func(t *testing.T, text string) {
		if epoch, e, ok := redisbus.ParseRecord(text); ok && (epoch == "" || e.Offset == 0 || len(epoch)+len(e.Message) > len(text)) {
			t.Errorf("%q: %q %+v", text, epoch, e)
		}
	})
}
