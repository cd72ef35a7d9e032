package swarm

// A track follows the numbers of one stream at one subscriber.
type track struct {
	next uint32 // one more than the highest number that has come
	seen uint32 // bit i: number next-1-i has come
}

// An arrival is what a number means after those before it.
type arrival uint8

const (
	inTurn    arrival = iota
	ahead             // numbers were skipped
	late              // after a later one: an order violation
	duplicate         // has come before
)

// arrive notes that number seq has come, and returns how many numbers were skipped when it is
// ahead. A number more than 32 behind is taken as late without a memory of whether it came.
func (t *track) arrive(seq uint32) (a arrival, skipped uint32) {
	switch {
	case seq == t.next:
		t.next++
		t.seen = t.seen<<1 | 1
		return inTurn, 0
	case seq > t.next:
		skipped = seq - t.next
		t.next = seq + 1
		t.seen = t.seen<<(skipped+1) | 1 // a shift by 32 and more leaves nothing
		return ahead, skipped
	}
	bit := uint32(1) << (t.next - 1 - seq)
	if t.seen&bit != 0 {
		return duplicate, 0
	}
	t.seen |= bit
	return late, 0
}
