//go:build linux

package crew

import (
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/swarm"
)

// members are those that the parent has started.
type members struct {
	commands []*gob.Encoder
	notes    chan swarm.Note
	running  sync.WaitGroup
	close    []func()
}

// recruit starts the members of a plan.
func recruit(p *plan.Plan, errors io.Writer) (*members, error) {
	m := &members{notes: make(chan swarm.Note, 256)}
	defer func() {
		go func() { // ends with the last member
			m.running.Wait()
			close(m.notes)
		}()
	}()
	for process := range p.Processes {
		var err error
		if p.Processes == 1 {
			m.inside(process)
		} else {
			err = m.child(process, errors)
		}
		if err == nil {
			err = m.commands[process].Encode(command{Plan: p})
		}
		if err != nil {
			go m.dismiss()
			return nil, fmt.Errorf("crew: start process %d: %w", process, err)
		}
	}
	return m, nil
}

// inside makes this process a member.
func (m *members) inside(process int) {
	commandsIn, commandsOut := io.Pipe()
	notesIn, notesOut := io.Pipe()
	m.running.Go(func() { _ = notesOut.CloseWithError(Serve(process, commandsIn, notesOut)) })
	m.add(commandsOut, notesIn, func() {})
}

// child starts this program again as a member.
func (m *members) child(process int, errors io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), MemberEnv+"="+strconv.Itoa(process))
	cmd.Stderr = errors
	commands, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	notes, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	// What a member has to say about its end it has said in notes or on stderr.
	m.add(commands, notes, func() { _ = cmd.Wait() })
	return nil
}

// add reads a member's notes until their end.
func (m *members) add(commands io.WriteCloser, notes io.Reader, wait func()) {
	m.commands = append(m.commands, gob.NewEncoder(commands))
	m.close = append(m.close, sync.OnceFunc(func() { _ = commands.Close() }))
	m.running.Go(func() {
		decoder := gob.NewDecoder(notes)
		for {
			var note swarm.Note
			if err := decoder.Decode(&note); err != nil {
				if err != io.EOF {
					m.notes <- swarm.Note{Failed: "a process of the generator: " + err.Error()}
				}
				break
			}
			m.notes <- note
		}
		wait()
	})
}

// tell sends a command to all. One that is gone is noticed by its notes.
func (m *members) tell(c command) {
	for _, to := range m.commands {
		_ = to.Encode(c)
	}
}

// dismiss ends all members and waits for them, forgetting what they still have to say.
func (m *members) dismiss() {
	for _, end := range m.close {
		end()
	}
	for range m.notes {
	}
}
