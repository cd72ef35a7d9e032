package frame

import "unicode/utf8"

// validPrefix checks text that arrives in pieces. b[:from] was found valid
// earlier and ends on a rune boundary; it returns how far b is valid now, which
// is len(b) unless b ends inside a rune, and false as soon as no continuation
// could make b valid (RFC 6455 §8.1).
//
// Each byte is looked at once, save at most three of a rune that is cut, so a
// message in a thousand fragments costs no more than one in a single frame.
func validPrefix(b []byte, from int) (valid int, ok bool) {
	end := len(b)
	for back := 1; back < utf8.UTFMax && end-back >= from; back++ {
		if utf8.RuneStart(b[end-back]) {
			// FullRune is also true of a start that cannot become a rune: that is
			// left in, for Valid to refuse.
			if !utf8.FullRune(b[end-back:]) {
				end -= back
			}
			break
		}
	}
	if !utf8.Valid(b[from:end]) {
		return from, false
	}
	return end, true
}
