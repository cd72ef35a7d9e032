//go:build linux

package crew

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/swarm"
)

// MemberEnv, when set to the number of a process, makes this program a member of a crew.
const MemberEnv = "GANNET_LOADTEST_MEMBER"

// A command is what the parent tells a member. The first has a Plan; then one field is set.
type command struct {
	Plan  *plan.Plan
	Start *swarm.Start
	Stop  bool
}

// Serve is the life of member number process: it reads its plan from in, does it, and writes notes
// to out until told to stop. When the parent goes away it stops too.
func Serve(process int, in io.Reader, out io.Writer) error {
	commands := gob.NewDecoder(in)
	buffered := bufio.NewWriter(out)
	notes := gob.NewEncoder(buffered)
	var first command
	if err := commands.Decode(&first); err != nil {
		return fmt.Errorf("crew: read the plan: %w", err)
	}
	if first.Plan == nil {
		return errors.New("crew: the first command has no plan")
	}
	s, err := swarm.New(first.Plan, process)
	if err != nil {
		// The parent prints it, and reads no further.
		return errors.Join(notes.Encode(swarm.Note{Failed: err.Error()}), buffered.Flush())
	}
	go obey(commands, s)
	go s.Run()
	var failed error
	for note := range s.Notes() {
		if failed != nil {
			continue // the swarm must be able to end
		}
		if failed = notes.Encode(note); failed == nil && len(s.Notes()) == 0 {
			failed = buffered.Flush()
		}
		if failed != nil {
			s.Stop()
		}
	}
	return failed
}

// obey carries out commands until the pipe ends, which means Stop.
func obey(commands *gob.Decoder, s *swarm.Swarm) {
	defer s.Stop()
	for {
		var c command
		if commands.Decode(&c) != nil || c.Stop {
			return
		}
		if c.Start != nil {
			s.Start(*c.Start)
		}
	}
}
