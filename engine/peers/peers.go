// Package peers counts sockets by the address that they come from, for limits per address.
//
// An address is counted with its neighbours where one host owns many: an IPv6 address by its /64, the smallest network
// that a customer is given. Addresses that only mean something on their own link are counted one by one.
//
// A Table has no lock and reads no clock: its owner guards it and passes the time in nanoseconds. It keeps 12 bytes and
// the overhead of a map for each address that has a socket, or had one admitted within the last second; so its memory is
// bounded by the sockets there are, not by the addresses that somebody can invent.
package peers

import (
	"encoding/binary"
	"net/netip"
)

// Limits bound what one address may do. A zero field sets no bound.
type Limits struct {
	Sockets   int // open at once
	PerSecond int // new ones, with a second's worth at once from rest
}

// A Verdict says whether one more socket may come in.
type Verdict uint8

// The verdicts.
const (
	Admitted Verdict = iota
	TooMany          // it has Limits.Sockets already
	TooFast          // it comes faster than Limits.PerSecond
)

// String returns the verdict in snake_case, for metrics.
func (v Verdict) String() string {
	return [...]string{Admitted: "admitted", TooMany: "too_many", TooFast: "too_fast"}[v]
}

// A Table counts the sockets of each address. Make it with New.
type Table struct {
	limits Limits
	known  map[uint64]entry
	sweep  int // how many are known when those that do not matter any more are dropped
}

// An entry is what is known of an address. Without sockets it matters until full has come.
type entry struct {
	full    int64 // when a second's worth of new sockets is allowed again
	sockets int32
}

const (
	second   = int64(1e9)
	minSweep = 1024
)

// New returns an empty table.
func New(limits Limits) *Table {
	return &Table{limits: limits, known: make(map[uint64]entry), sweep: minSweep}
}

// Admit counts one more socket of addr at time now and returns Admitted, or says why it must not come in and counts
// nothing.
func (t *Table) Admit(addr netip.Addr, now int64) Verdict {
	key := keyOf(addr)
	e := t.known[key]
	if t.limits.Sockets > 0 && int(e.sockets) >= t.limits.Sockets {
		return TooMany
	}
	if rate := int64(t.limits.PerSecond); rate > 0 {
		// The bucket of package quota: the time at which it will be full says how full it is.
		if e.full < now || e.full-now > second {
			e.full = now
		}
		each := second / rate
		if e.full-now > second-each {
			return TooFast
		}
		e.full += each
	}
	e.sockets++
	t.put(key, e, now)
	return Admitted
}

// Hold counts one more socket of addr that is in already, such as a second descriptor of it.
func (t *Table) Hold(addr netip.Addr, now int64) {
	key := keyOf(addr)
	e := t.known[key]
	e.sockets++
	t.put(key, e, now)
}

// Leave counts one socket of addr less, which Admit or Hold has counted. It panics when there is none: a count that
// went wrong would keep somebody out for ever.
func (t *Table) Leave(addr netip.Addr, now int64) {
	key := keyOf(addr)
	e := t.known[key]
	if e.sockets == 0 {
		panic("peers: more sockets have left than came")
	}
	if e.sockets--; e.sockets == 0 && e.full <= now {
		delete(t.known, key)
		return
	}
	t.known[key] = e
}

// Len returns how many addresses are known.
func (t *Table) Len() int { return len(t.known) }

func (t *Table) put(key uint64, e entry, now int64) {
	t.known[key] = e
	if len(t.known) < t.sweep {
		return
	}
	// Into a new map: an old one never gives its memory back.
	kept := make(map[uint64]entry, len(t.known)/2)
	for key, e := range t.known {
		if e.sockets > 0 || e.full > now {
			kept[key] = e
		}
	}
	t.known = kept
	t.sweep = max(2*len(kept), minSweep)
}

// keyOf returns what addr is counted under.
func keyOf(addr netip.Addr) uint64 {
	addr = addr.Unmap()
	if addr.Is4() {
		b := addr.As4()
		// Multicast is never a source, so no network has such a number.
		return 0xffff<<48 | uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := addr.As16()
	if addr.IsLinkLocalUnicast() {
		return binary.BigEndian.Uint64(b[8:])
	}
	return binary.BigEndian.Uint64(b[:8])
}
