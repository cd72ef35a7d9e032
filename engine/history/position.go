package history

import "strconv"

// A Position is a place in a stream: that of an event, or with offset 0 the one before the first. The zero Position is in
// no stream.
type Position struct {
	Epoch  string // 1 to MaxEpoch letters, digits, '_', '.' or '-'
	Offset uint64 // below MaxOffset
}

const (
	MaxEpoch  = 16      // letters
	MaxOffset = 1 << 53 // so that offsets are exact in JSON numbers
)

// Append appends the text of p, epoch and offset joined by a '-', and returns the extended slice. Any goroutine.
func (p Position) Append(dst []byte) []byte {
	dst = append(dst, p.Epoch...)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, p.Offset, 10)
}

// String returns the text of p. Any goroutine.
func (p Position) String() string { return string(p.Append(make([]byte, 0, MaxEpoch+1+16))) }

// Parse reads the text of a Position, which may come from anybody. ok is false unless it is one exactly as Append writes
// it. The epoch shares the bytes of text. Any goroutine.
func Parse(text string) (p Position, ok bool) {
	cut := -1
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == '-' {
			cut = i
			break
		}
		if text[i] < '0' || text[i] > '9' {
			return Position{}, false
		}
	}
	if cut < 1 || cut > MaxEpoch {
		return Position{}, false
	}
	for _, c := range []byte(text[:cut]) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return Position{}, false
		}
	}
	digits := text[cut+1:]
	if digits == "" || len(digits) > 16 || digits[0] == '0' && digits != "0" {
		return Position{}, false
	}
	for _, c := range []byte(digits) {
		p.Offset = p.Offset*10 + uint64(c-'0')
	}
	if p.Offset >= MaxOffset {
		return Position{}, false
	}
	p.Epoch = text[:cut]
	return p, true
}
