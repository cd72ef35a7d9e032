package plan

import "strings"

// Authorized reports whether channels with the prefix need a signature to subscribe.
func Authorized(prefix string) bool { return strings.HasPrefix(prefix, "private-") || Presence(prefix) }

// Presence reports whether channels with the prefix have members.
func Presence(prefix string) bool { return strings.HasPrefix(prefix, "presence-") }

// A Placement is the channels of one client: start, start+step, start+2·step, … modulo the number
// of channels. The step is coprime to that number, so they are distinct, and which of its
// subscriptions a channel belongs to is one multiplication away instead of a search.
type Placement struct {
	start, step, inverse uint32
	channels, count      uint32
}

// Place returns the channels of a client. With one channel per client they are dealt out in turn,
// with more they are spread as if at random, the same in every process.
func (p *Plan) Place(client int) Placement {
	c := uint32(p.Channels)
	if p.PerClient == 1 {
		return Placement{start: uint32(client) % c, step: 1, inverse: 1, channels: c, count: 1}
	}
	r := mix(uint64(client))
	pl := Placement{start: uint32(r>>32) % c, channels: c, count: uint32(p.PerClient)}
	for pl.step = uint32(r)%c | 1; ; pl.step = pl.step%c + 1 {
		if inverse, ok := invert(pl.step, c); ok {
			pl.inverse = inverse
			return pl
		}
	}
}

// Count returns the number of channels.
func (pl *Placement) Count() int { return int(pl.count) }

// Channel returns the slot-th channel, slot counting from 0.
func (pl *Placement) Channel(slot int) int {
	return int((uint64(pl.start) + uint64(slot)*uint64(pl.step)) % uint64(pl.channels))
}

// Slot returns which of the client's channels the given one is, -1 when it is none of them.
func (pl *Placement) Slot(channel int) int {
	c := uint64(pl.channels)
	slot := (uint64(channel) + c - uint64(pl.start)) % c * uint64(pl.inverse) % c
	if slot >= uint64(pl.count) {
		return -1
	}
	return int(slot)
}

// mix is the finaliser of splitmix64: neighbours become strangers.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// invert returns the inverse of a modulo m, by Euclid. It has none when the two share a factor.
func invert(a, m uint32) (inverse uint32, ok bool) {
	if m == 1 {
		return 0, true
	}
	r0, r1, t0, t1 := int64(m), int64(a%m), int64(0), int64(1)
	for r1 != 0 {
		q := r0 / r1
		r0, r1 = r1, r0-q*r1
		t0, t1 = t1, t0-q*t1
	}
	if r0 != 1 {
		return 0, false
	}
	return uint32((t0 + int64(m)) % int64(m)), true
}
