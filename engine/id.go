package engine

// MaxLoops is the largest number of loops that an ID can name.
const MaxLoops = 256

const (
	slotBits = 24
	genBits  = 20
)

// An ID names a conn across loops: its loop, its slot there and the slot's generation. It
// has 52 significant bits, so that it is exact as a JSON number. An ID outlives its conn
// harmlessly: a slot is given out 2^20 times before an ID comes again. The zero ID names
// nothing.
type ID uint64

func makeID(loop int, gen, slot uint32) ID {
	return ID(loop)<<(genBits+slotBits) | ID(gen&(1<<genBits-1))<<slotBits | ID(slot)
}

// Loop returns the index of the loop that owns the conn.
func (id ID) Loop() int { return int(id >> (genBits + slotBits)) }

// Slot returns the conn's slot in its loop's slab.
func (id ID) Slot() uint32 { return uint32(id) & (1<<slotBits - 1) }

func (id ID) gen() uint32 { return uint32(id>>slotBits) & (1<<genBits - 1) }
