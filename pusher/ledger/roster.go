package ledger

import "strings"

// A roster says where users are: a row for each, in the order in which they came but for what was filled up. Above indexedFrom
// rows a map finds them.
type roster struct {
	rows  []row
	index map[string]int32 // by user into rows; nil while there are few
}

// A row is a user and where he was first; most are on one node.
type row struct {
	user string
	stay
	more *[]stay // the others; nil: none
}

// A stay is an incarnation's entry about a user.
type stay struct {
	info string
	slot uint32
}

const indexedFrom = 16

func (r *roster) find(user string) int {
	if r == nil {
		return -1
	}
	if r.index != nil {
		if i, ok := r.index[user]; ok {
			return int(i)
		}
		return -1
	}
	for i := range r.rows {
		if r.rows[i].user == user {
			return i
		}
	}
	return -1
}

// each yields the stays of a row, in the order in which they came.
func (w *row) each(yield func(s *stay) bool) {
	if !yield(&w.stay) || w.more == nil {
		return
	}
	for i := range *w.more {
		if !yield(&(*w.more)[i]) {
			return
		}
	}
}

// put notes that a user is there on an incarnation. It keeps user when it is new.
func (r *roster) put(user string, slot uint32, info string) {
	i := r.find(user)
	if i < 0 {
		r.rows = append(r.rows, row{user: strings.Clone(user), stay: stay{info: info, slot: slot}})
		switch n := len(r.rows); {
		case r.index != nil:
			r.index[r.rows[n-1].user] = int32(n - 1)
		case n > indexedFrom:
			r.index = make(map[string]int32, 2*n)
			for i := range r.rows {
				r.index[r.rows[i].user] = int32(i)
			}
		}
		return
	}
	w := &r.rows[i]
	for s := range w.each {
		if s.slot == slot {
			s.info = info
			return
		}
	}
	if w.more == nil {
		w.more = new([]stay)
	}
	*w.more = append(*w.more, stay{info: info, slot: slot})
}

// take undoes put.
func (r *roster) take(user string, slot uint32) {
	i := r.find(user)
	if i < 0 {
		return
	}
	w := &r.rows[i]
	if w.more != nil {
		rest := *w.more
		for j := range rest {
			if rest[j].slot == slot {
				rest = append(rest[:j], rest[j+1:]...)
				w.setMore(rest)
				return
			}
		}
		if w.slot == slot {
			w.stay = rest[0]
			w.setMore(append(rest[:0], rest[1:]...))
		}
		return
	}
	if w.slot != slot {
		return
	}
	last := len(r.rows) - 1
	if r.index != nil {
		delete(r.index, w.user)
		if i != last {
			r.index[r.rows[last].user] = int32(i)
		}
	}
	r.rows[i] = r.rows[last]
	r.rows[last] = row{} // let go of its strings
	r.rows = r.rows[:last]
}

func (w *row) setMore(rest []stay) {
	if len(rest) == 0 {
		w.more = nil
		return
	}
	*w.more = rest
}
