package user

// Len returns how many users the table remembers: those signed in, watched, or both.
func (t *Table) Len() int { return len(t.users) }
