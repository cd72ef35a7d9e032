package swarm_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/swarm"
	"github.com/gannet-io/gannet/loadtest/tally"
)

// receiver is subscriber 0 of a plan with two channels; it is on channel 0.
func receiver(t testing.TB) *swarm.Receiver {
	r, err := swarm.NewReceiver(&plan.Plan{
		Targets: []plan.Target{{Address: "127.0.0.1:1"}}, Clients: 1, Channels: 2, PerClient: 1,
		Via: plan.REST, Publishers: 2, Rate: 1, Burst: 1, Processes: 1, Workers: 1, Window: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// frame is a server's frame with an event of publisher 0 or 1, on the channel of that number.
func frame(dst []byte, publisher, seq uint32, at int64) []byte {
	message := append([]byte(nil), `{"event":"load","channel":"load-x-0","data":"`...)
	message = plan.AppendData(message, plan.Stamp{At: at, Seq: seq, Publisher: publisher, Channel: publisher}, 60)
	message = append(message, `"}`...) // 107 bytes
	return append(append(dst, 0x81, byte(len(message))), message...)
}

func TestEachMessageOfAReadIsJudged(t *testing.T) {
	r := receiver(t)
	var b []byte
	for _, seq := range []uint32{0, 1, 4, 3, 3, 5} { // 2 is missing
		b = frame(b, 0, seq, 1_000_000)
	}
	b = frame(b, 1, 0, 1_000_000) // on a channel that this client is not on
	whole := len(b)
	b = frame(b, 0, 6, 1_000_000)
	if left := r.Consume(b[:whole+50], 3_000_000); left != 50 {
		t.Errorf("%d bytes are left of a frame cut to 50", left)
	}
	want := tally.Counts{Received: 7, Duplicates: 1, Disordered: 1, Skipped: 1, Stray: 1}
	if got := r.Counts(); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	h := tally.NewHistogram()
	h.Merge(r.Latency())
	if got := h.Quantile(0.5); h.Count() != 5 || got != 2*time.Millisecond {
		t.Errorf("%d latencies of %v, want 5 of 2ms", h.Count(), got)
	}
}

// What fell due and was not begun would be missing from the figures as if it had never been
// planned.
func TestWhatWasOversleptIsCounted(t *testing.T) {
	got, err := swarm.Oversleep(&plan.Plan{
		Targets: []plan.Target{{Address: "127.0.0.1:1"}}, Channels: 1, PerClient: 1,
		Via: plan.REST, Publishers: 2, Rate: 10, Burst: 1, ChurnRate: 20, Processes: 1, Workers: 2, Window: 1,
		Warmup: 500 * time.Millisecond, Duration: 1500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	// In two seconds 20 messages and 40 conns fall due, half of them to the other worker.
	if want := (tally.Counts{Unsent: 10, Abandoned: 20}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestReceivingAllocatesNothing(t *testing.T) {
	r := receiver(t)
	var reads [][]byte
	for i := range uint32(200) {
		reads = append(reads, frame(frame(nil, 0, 2*i, 5), 0, 2*i+1, 5))
	}
	next := 0
	if n := testing.AllocsPerRun(100, func() { r.Consume(reads[next], 9); next++ }); n != 0 {
		t.Errorf("%v allocations a read of two messages", n)
	}
}

func BenchmarkConsume(b *testing.B) {
	const frames = 16
	r := receiver(b)
	var buf []byte
	for i := range uint32(frames) {
		buf = frame(buf, 0, i, 5)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(buf)))
	for b.Loop() { // after the first time all are duplicates, which costs the same but for the histogram
		r.Consume(buf, 9)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/frames, "ns/message")
}

func TestAFrameMayHoldALineForEachMessage(t *testing.T) {
	r, err := swarm.NewReceiver(&plan.Plan{
		Protocol: plan.Centrifuge, Targets: []plan.Target{{Address: "127.0.0.1:1"}}, Clients: 1, Channels: 1, PerClient: 1,
		Via: plan.ClientEvents, Publishers: 1, Rate: 1, Burst: 1, Processes: 1, Workers: 1, Window: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var lines []byte
	for seq := range uint32(3) {
		lines = append(lines, `{"push":{"channel":"load-x-0","pub":{"data":"`...)
		lines = plan.AppendData(lines, plan.Stamp{At: 1, Seq: seq}, plan.StampBytes)
		lines = append(lines, "\"}}}\n"...)
	}
	lines = append(lines, `{"id":3,"publish":{}}`...)
	frame := append([]byte{0x81, 126, byte(len(lines) >> 8), byte(len(lines))}, lines...)
	if left := r.Consume(frame, 2); left != 0 {
		t.Errorf("%d bytes are left", left)
	}
	want := tally.Counts{Received: 3, Other: 1}
	if got := r.Counts(); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
