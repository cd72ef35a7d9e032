package hub_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame/frametest"
)

// message reads a frame and returns what it stands for and whether it was compressed.
func (c *client) message() (payload string, compressed bool) {
	c.t.Helper()
	f, err := frametest.Read(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	if f.Header.Rsv == 0 {
		return string(f.Payload), false
	}
	b, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(f.Payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))))
	if err != nil {
		c.t.Fatalf("%x: %v", f.Payload, err)
	}
	return string(b), true
}

// Messages that pile up are put together for the conns that take them as they are and, apart, for those that take them
// compressed. Each gets all of them in order, but its own, in the form that it has agreed on.
func TestRunsOfMessagesReachPlainAndCompressedSubscribers(t *testing.T) {
	r := newRoom(t, 2)
	r.listener.Deflate = true
	type subscriber struct {
		*client
		most int // bytes of the longest message that may come compressed; 0: none
	}
	var all []subscriber
	for _, s := range []struct {
		offer string
		most  int
	}{{"", 0}, {"permessage-deflate", 1 << 30}, {"permessage-deflate; server_max_window_bits=10", 1 << 10}} {
		for range 4 { // over both loops
			all = append(all, subscriber{r.dialWith(s.offer), s.most})
		}
	}
	for _, s := range all {
		r.topic("topic", func(t *hub.Topic) { t.Join(s.id, text(strings.Repeat("first ", 200))) })
	}
	r.settled()

	// While a loop is held up its letters pile up. The messages are short and long, and enough for several pieces of 32 KiB.
	release := make(chan struct{})
	for _, l := range r.Loops() {
		held := make(chan struct{})
		l.Post(func() { close(held); <-release })
		wait(t, held, "the loop")
	}
	var want []string
	except := make(map[int]engine.ID)
	for i := range 60 {
		want = append(want, strings.Repeat(fmt.Sprintf("%d, ", i), []int{10, 200, 400}[i%3]))
		if i%20 == 7 {
			except[i] = all[i%len(all)].id
		}
		r.publish("topic", want[i], except[i])
	}
	close(release)
	for n, s := range all {
		if got, compressed := s.message(); got != strings.Repeat("first ", 200) || compressed != (s.most >= 1200) {
			t.Fatalf("subscriber %d: first %.40q, compressed %v", n, got, compressed)
		}
		for i := range want {
			if except[i] == s.id {
				continue
			}
			got, compressed := s.message()
			if may := len(want[i]) >= 512 && len(want[i]) <= s.most; got != want[i] || compressed != may {
				t.Fatalf("subscriber %d, message %d: %d bytes %.40q, compressed %v; want %d bytes, compressed %v",
					n, i, len(got), got, compressed, len(want[i]), may)
			}
		}
	}
	// 40 of them are long enough, and each was compressed once; so were the 12 first ones, each a frame of its own,
	// but for those of the four that agreed on nothing and the four with a window too small.
	r.wantMetric("gannet_engine_deflates_total", 40+4)
}
