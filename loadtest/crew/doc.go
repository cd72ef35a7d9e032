// Package crew runs one load test with any number of processes and collects what they count.
//
// The parent makes the plan, starts the members, waits until each has its conns, names the instant
// at which all begin, reads the server's use at both ends of the measured window, waits for the
// stragglers, and adds up. A member is a Swarm and two pipes: commands come in, notes go out, as
// gob. It is the same in a process of its own, which is this program started again with MemberEnv
// set, and as the single member inside the parent.
package crew
