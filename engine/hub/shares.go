package hub

// Shares are who has posted how much of what is in a mailbox, by account.
type shares struct {
	tallies []tally
	active  []uint32 // accounts with letters in the mailbox
	blamed  []uint32 // accounts that are at fault
}

// A tally is one account's part.
type tally struct {
	letters, bytes int
	blamed         bool
}

// add counts a letter that was posted. full says that the mailbox holds as much as it should.
func (s *shares) add(e *entry, full bool) {
	account := uint32(0)
	if e.topic != nil {
		account = e.topic.Account
	}
	for uint32(len(s.tallies)) <= account {
		s.tallies = append(s.tallies, tally{})
	}
	t := &s.tallies[account]
	if t.letters == 0 {
		s.active = append(s.active, account)
	}
	t.letters++
	if e.frame != nil {
		t.bytes += e.frame.Len()
	}
	if n := len(s.active); full && !t.blamed && (t.letters*n >= maxLetters || t.bytes*n >= maxBytes) {
		t.blamed = true
		s.blamed = append(s.blamed, account)
	}
}

// empty says that the mailbox was emptied. Who is at fault stays so until what was in it is dealt with.
func (s *shares) empty() {
	for _, account := range s.active {
		t := &s.tallies[account]
		t.letters, t.bytes = 0, 0
	}
	s.active = s.active[:0]
}

func (s *shares) blames(account uint32) bool {
	return account < uint32(len(s.tallies)) && s.tallies[account].blamed
}

// forgive says that nobody is at fault any more.
func (s *shares) forgive() {
	for _, account := range s.blamed {
		s.tallies[account].blamed = false
	}
	s.blamed = s.blamed[:0]
}
