package backbonetest

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A Cluster is a backbone under test, of its own for each test: nothing is on its board and nothing in its logs. A hook that is nil is one
// that the driver or its surroundings cannot do; what needs it is skipped.
type Cluster struct {
	// Bus returns the bus of a node of that name, not started yet.
	Bus func(t *testing.T, name string) backbone.Bus
	// Lease is for how long a node that is silent stays on the board, at least.
	Lease time.Duration
	// Patience is how long anything may take that has no time of its own; 0: 30 s.
	Patience time.Duration

	// Kill ends a node as a crash of its process does. Nothing is done with its bus any more, but that Close is called when the test ends.
	Kill func(name string)
	// Cut cuts the connection between a node and the backbone, and Restore mends it.
	Cut, Restore func(name string)
	// Stop stops the backbone, and Start has it back with what it had kept.
	Stop, Start func()
	// Forget has the backbone lose its memory, of the board and of the logs, as by a restart without a disk.
	Forget func()
}

// Run tests the clusters that open makes.
func Run(t *testing.T, open func(t *testing.T) *Cluster) {
	for _, c := range []struct {
		claim string
		test  func(r *run)
		needs func(c *Cluster) bool
	}{
		{"a node that starts is on the board, behind those that were", starting, nil},
		{"who leaves is gone at once, for everybody once", leaving, nil},
		{"entries are told to all, their writer too, and to those who come later", entries, nil},
		{"all changes have one order", order, nil},
		{"messages go to the others that are attached, in order", messages, nil},
		{"topics are any bytes", names, nil},
		{"nothing is missed from Attached on", attaching, nil},
		{"who detaches hears no more", detaching, nil},
		{"a log has one order and no holes", logs, nil},
		{"who attaches is told the tail and then what follows", tails, nil},
		{"a log keeps no more than it has to", retention, nil},
		{"nothing is told after Close", closing, nil},
		{"what is too large is refused", sizes, nil},
		{"who dies is gone when the lease has lapsed", dying, func(c *Cluster) bool { return c.Kill != nil }},
		{"who was cut off for a moment misses nothing of a log", cutShort, func(c *Cluster) bool { return c.Cut != nil }},
		{"who was cut off for long comes back as another incarnation", cutLong, func(c *Cluster) bool { return c.Cut != nil }},
		{"what cannot be promised is refused while the backbone is away", away, func(c *Cluster) bool { return c.Cut != nil }},
		{"attachments made while the backbone is away are made when it is back", attachAway, func(c *Cluster) bool { return c.Cut != nil }},
		{"a backbone that was away has kept what it said that it has", stopped, func(c *Cluster) bool { return c.Stop != nil }},
		{"what was acknowledged is in the log once, and what was refused is not, whatever happened meanwhile", outage, func(c *Cluster) bool { return c.Stop != nil }},
		{"a backbone that forgot everything is told again", forgotten, func(c *Cluster) bool { return c.Forget != nil }},
	} {
		t.Run(c.claim, func(t *testing.T) {
			cluster := open(t)
			if c.needs != nil && !c.needs(cluster) {
				t.Skip("this driver has no hook for it")
			}
			if cluster.Patience == 0 {
				cluster.Patience = 30 * time.Second
			}
			c.test(&run{T: t, Cluster: cluster})
		})
	}
}
