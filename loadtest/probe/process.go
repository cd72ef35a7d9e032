package probe

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Process is what one or several processes use.
type Process struct {
	User, System time.Duration // processor time so far, to a hundredth of a second
	RSS          int64         // bytes resident
	Anonymous    int64         // bytes of those that are no file's; 0 when not to be seen
	FDs          int           // open descriptors; -1 when not to be seen
	Threads      int
}

func (p *Process) add(o *Process) {
	p.User += o.User
	p.System += o.System
	p.RSS += o.RSS
	p.Anonymous += o.Anonymous
	p.Threads += o.Threads
	if o.FDs < 0 || p.FDs < 0 {
		p.FDs = -1
	} else {
		p.FDs += o.FDs
	}
}

func readProcess(pid int) (*Process, error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return nil, err
	}
	p := &Process{FDs: -1}
	if p.User, p.System, err = parseStat(stat); err != nil {
		return nil, err
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return nil, err
	}
	p.RSS = kilobytes(status, "VmRSS:")
	p.Threads = int(number(status, "Threads:"))
	// Another user's process keeps these to itself.
	if rollup, err := os.ReadFile(dir + "smaps_rollup"); err == nil {
		p.Anonymous = kilobytes(rollup, "Anonymous:")
	}
	if fds, err := os.ReadDir(dir + "fd"); err == nil {
		p.FDs = len(fds)
	}
	return p, nil
}

// tick is the unit of times in /proc/PID/stat: 1/USER_HZ s, which is 100 on every Linux there is.
const tick = 10 * time.Millisecond

// parseStat returns the processor time of proc_pid_stat(5): fields 14 and 15. The second field is
// the name in parentheses, which may hold anything.
func parseStat(stat []byte) (user, system time.Duration, err error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < 13 {
		return 0, 0, errors.New("a stat file that makes no sense")
	}
	u, err1 := strconv.ParseInt(fields[11], 10, 64)
	s, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(u) * tick, time.Duration(s) * tick, errors.Join(err1, err2)
}

// slab returns the bytes that the kernel keeps in its own objects, sockets among them.
func slab() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return kilobytes(text, "Slab:")
}

// kilobytes returns a line's value, given in kB, as bytes; 0 when there is no such line.
func kilobytes(text []byte, name string) int64 { return number(text, name) << 10 }

func number(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			fields := bytes.Fields(rest)
			if len(fields) > 0 {
				n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
				return n
			}
		}
	}
	return 0
}
