package frame

// A Flow is what messages of one source have in common where a conn cannot keep up with them: which of them it can do
// without. A conn that keeps up gets all of them. Made by [NewFlow]; immutable, shared.
type Flow struct {
	Policy Policy
	// High and Low are marks of what is unsent on a conn, in bytes: above High the policy applies, until it is Low or less.
	High, Low int
	// Notice makes what a conn that wants to know gets in place of skipped messages in a row, the last of which had the
	// given mark. Any goroutine. nil: nobody gets to know.
	Notice func(skipped int, mark uint64) *Prepared

	gap *Prepared
}

// A Policy says what a conn can do without.
type Policy uint8

const (
	Conflate   Policy = iota // all but the newest message of each key
	DropOldest               // the oldest messages, whatever they are
)

// A label says what a message is among those of its flow; or, of several in one piece, which those are.
type label struct {
	flow  *Flow
	key   uint64
	mark  uint64
	parts []*Prepared
}

// NewFlow returns f, ready for use. f is taken. Any goroutine.
func NewFlow(f *Flow) *Flow {
	f.gap = &Prepared{label: &label{flow: f}}
	return f
}

// Gap returns a frame without bytes that stands for messages of f that were left out. Shared. Any goroutine.
func (f *Flow) Gap() *Prepared { return f.gap }

// PrepareFlow is [Prepare] for a message of a flow. Of two with the same key the later one replaces the other; mark is
// for the flow's Notice. Any goroutine.
func PrepareFlow(op Opcode, buf []byte, flow *Flow, key, mark uint64) *Prepared {
	p := &struct {
		Prepared
		label
	}{label: label{flow: flow, key: key, mark: mark}}
	p.Prepared.fill(Header{Fin: true, Opcode: op}, buf)
	p.Prepared.label = &p.label
	return &p.Prepared
}

// Flow returns the flow that p belongs to, with its key and mark; nil when it belongs to none. Any goroutine.
func (p *Prepared) Flow() (f *Flow, key, mark uint64) {
	if p.label == nil {
		return nil, 0, 0
	}
	return p.label.flow, p.label.key, p.label.mark
}

// Parts returns the frames that [Concat] has put together, if any of them belongs to a flow; else nil. Shared. Any
// goroutine.
func (p *Prepared) Parts() []*Prepared {
	if p.label == nil {
		return nil
	}
	return p.label.parts
}
