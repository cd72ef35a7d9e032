package engine

// A slab holds the conns of one loop in chunks that never move, so that a *Conn stays valid
// and the garbage collector sees a few large objects instead of many small ones. Freed slots
// are used again, last in first out, under a new generation.
type slab struct {
	chunks []*[chunkSize]Conn
	// directs are, by slot as chunks, one more than the descriptor of a conn that is open, plain, takes frames as
	// they are and has no backlog, else 0: all that a fan-out needs to know of nearly every conn, in a thirtieth
	// of the cache that the conns would take. They are apart from the conns, whose chunks fill whole pages so.
	directs []*[chunkSize]int32
	free    []uint32
	next    uint32 // slots below it have been given out at least once
	open    int
}

const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
)

// at returns the conn in a slot that was given out at least once.
func (s *slab) at(slot uint32) *Conn {
	return &s.chunks[slot>>chunkBits][slot&(chunkSize-1)]
}

// direct returns the descriptor of the conn in slot when it is open, plain and has no backlog, else
// -1.
func (s *slab) direct(slot uint32) int32 {
	return s.directs[slot>>chunkBits][slot&(chunkSize-1)] - 1
}

// track notes whether c may be sent to directly. It is called whenever the state or the
// backlog of c changes.
func (s *slab) track(c *Conn) {
	slot := c.id.Slot()
	at := &s.directs[slot>>chunkBits][slot&(chunkSize-1)]
	if *at = 0; c.state == stateOpen && c.backlog == nil && !c.has(flagSecure) && c.window == 0 {
		*at = c.fd + 1
	}
}

// find returns the conn that id names, or nil when it is gone.
func (s *slab) find(id ID) *Conn {
	if id == 0 || id.Slot() >= s.next {
		return nil
	}
	c := s.at(id.Slot())
	if c.id != id || c.state == stateFree {
		return nil
	}
	return c
}

// take returns a zeroed conn with a fresh ID, or nil when all 2^24 slots are in use.
func (s *slab) take(l *Loop) *Conn {
	var slot uint32
	if n := len(s.free); n > 0 {
		slot = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		if slot = s.next; slot == 1<<slotBits {
			return nil
		}
		if slot>>chunkBits == uint32(len(s.chunks)) {
			s.chunks = append(s.chunks, new([chunkSize]Conn))
			s.directs = append(s.directs, new([chunkSize]int32))
		}
		s.next++
	}
	c := s.at(slot)
	gen := c.id.gen() + 1
	if gen == 1<<genBits {
		gen = 1 // generation 0 is kept for the zero ID
	}
	*c = Conn{loop: l, id: makeID(l.index, gen, slot), restHead: noLink, restTail: noLink}
	s.open++
	return c
}

// put frees the slot of c and keeps only its generation.
func (s *slab) put(c *Conn) {
	slot := c.id.Slot()
	*c = Conn{id: c.id}
	s.track(c)
	s.free = append(s.free, slot)
	s.open--
}

// each calls f for every conn that is in use.
func (s *slab) each(f func(c *Conn)) {
	for slot := range s.next {
		if c := s.at(slot); c.state != stateFree {
			f(c)
		}
	}
}
