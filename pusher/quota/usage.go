package quota

// A Usage counts how many of something an app has at this moment, such as connections, up to a ceiling.
//
// The zero value counts nothing yet. Guarded by its owner.
type Usage struct {
	n int
}

// Take counts one more and reports true, or reports false and counts nothing when limit are taken already.
//
// A limit of 0 or less always lets it through. A limit lowered below the present count refuses until enough were given
// back.
func (u *Usage) Take(limit int) bool {
	if limit > 0 && u.n >= limit {
		return false
	}
	u.n++
	return true
}

// Give counts one less. It panics when nothing is taken: a count that went wrong once would let too many in for ever.
func (u *Usage) Give() {
	if u.n == 0 {
		panic("quota: more given back than taken")
	}
	u.n--
}

// Count returns how many are taken.
func (u *Usage) Count() int { return u.n }
