package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gannet-io/gannet/engine"
)

// TuningConfig is what trades processor time, memory and latency for each other. The default
// of each key is that of the balanced profile.
type TuningConfig struct {
	Profile      string        `yaml:"profile"`                    // balanced, latency, density
	CPUAffinity  string        `yaml:"cpu_affinity"`               // "", "auto" or a list such as "0,2-5"
	GCPercent    int           `yaml:"gc_percent"`                 // GOGC; 0: collect at the memory limit only
	MemoryLimit  string        `yaml:"memory_limit"`               // GOMEMLIMIT: "auto", "off" or a size
	BatchWindow  time.Duration `yaml:"batch_window"`               // at most maxBatchWindow
	SendBuffer   int           `yaml:"send_buffer" unit:"bytes"`   // 0: the kernel's choice
	NotSentLowat int           `yaml:"notsent_lowat" unit:"bytes"` // 0: the kernel's
	UserTimeout  time.Duration `yaml:"user_timeout"`               // 0: the kernel's
}

// The words that are values of tuning keys.
const (
	profileBalanced = "balanced"
	profileLatency  = "latency"
	profileDensity  = "density"
	wordAuto        = "auto"
	wordOff         = "off"
)

const maxBatchWindow = 10 * time.Millisecond

// A profile is the values of the keys that profiles differ in.
type profile struct {
	gcPercent    int
	batchWindow  time.Duration
	notSentLowat int
}

var profiles = map[string]profile{
	profileBalanced: {gcPercent: 200, notSentLowat: 64 << 10},
	profileLatency:  {gcPercent: 400, notSentLowat: 128 << 10},
	profileDensity:  {gcPercent: 25, batchWindow: 5 * time.Millisecond, notSentLowat: 16 << 10},
}

func defaultTuning() TuningConfig {
	p := profiles[profileBalanced]
	return TuningConfig{
		Profile: profileBalanced, GCPercent: p.gcPercent, MemoryLimit: wordAuto, BatchWindow: p.batchWindow,
		NotSentLowat: p.notSentLowat, UserTimeout: 30 * time.Second,
	}
}

// applyProfile gives the keys of tuning that nothing has set the values of the profile. A
// profile that does not exist is left for check to report.
func (r *reading) applyProfile(c *Config) {
	p, ok := profiles[c.Tuning.Profile]
	if !ok {
		return
	}
	unset := func(key string) bool { return r.where["tuning."+key] == "" }
	if unset("gc_percent") {
		c.Tuning.GCPercent = p.gcPercent
	}
	if unset("batch_window") {
		c.Tuning.BatchWindow = p.batchWindow
	}
	if unset("notsent_lowat") {
		c.Tuning.NotSentLowat = p.notSentLowat
	}
}

// checkTuning adds what is wrong with the tuning keys.
func (r *reading) checkTuning(c *Config) {
	t := &c.Tuning
	r.checkWord("tuning.profile", t.Profile, profileBalanced, profileLatency, profileDensity)
	if cpus, err := t.cpus(c.Loops); err != nil {
		r.bad("tuning.cpu_affinity", "%s", err)
	} else if n := len(cpus); n > 0 && c.Loops > n {
		r.bad("tuning.cpu_affinity", "names %d processors for %d loops; each loop needs one of its own", n, c.Loops)
	}
	r.checkRange("tuning.gc_percent", t.GCPercent, 0, 10_000)
	limit, err := parseMemoryLimit(t.MemoryLimit)
	switch {
	case err != nil:
		r.bad("tuning.memory_limit", "%s", err)
	case limit == 0 && t.GCPercent == 0 && t.MemoryLimit == wordOff && !c.goMemoryLimit && !c.goGC:
		r.bad("tuning.gc_percent", "must not be 0 without a memory limit: nothing would ever be collected")
	}
	if t.BatchWindow > maxBatchWindow {
		r.bad("tuning.batch_window", "must be at most %s, got %s", maxBatchWindow, formatDuration(t.BatchWindow))
	}
	r.checkSocketBytes("tuning.send_buffer", t.SendBuffer)
	r.checkSocketBytes("tuning.notsent_lowat", t.NotSentLowat)
	if t.NotSentLowat > 0 && t.NotSentLowat < 4<<10 {
		r.bad("tuning.notsent_lowat", "must be at least 4KiB, or 0 for the kernel's, got %d", t.NotSentLowat)
	}
	if t.UserTimeout > 0 && t.UserTimeout < time.Second {
		r.bad("tuning.user_timeout", "must be at least 1s, or 0 for the kernel's")
	}
}

// checkSocketBytes keeps n within what the kernel takes.
func (r *reading) checkSocketBytes(path string, n int) {
	if n > 1<<30 {
		r.bad(path, "must be at most 1GiB, got %s", formatBytes(n))
	}
}

// cpus returns the processors for the loops, nil for no pinning. With "auto" they are the
// first of those the process may run on, as many as there are loops. The error is a phrase.
func (t *TuningConfig) cpus(loops int) ([]int, error) {
	if t.CPUAffinity == "" {
		return nil, nil
	}
	allowed, err := engine.AllowedCPUs()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, errors.New("loops can be tied to processors on Linux only; remove the key")
	}
	if err != nil {
		return nil, err
	}
	if t.CPUAffinity == wordAuto {
		if loops == 0 {
			loops = min(engine.DefaultLoops(), len(allowed))
		}
		return allowed[:min(loops, len(allowed))], nil
	}
	cpus, err := parseCPUs(t.CPUAffinity)
	if err != nil {
		return nil, err
	}
	for _, cpu := range cpus {
		if !slices.Contains(allowed, cpu) {
			return nil, fmt.Errorf("processor %d is not one this process may run on, which are %s", cpu, formatCPUs(allowed))
		}
	}
	return cpus, nil
}

// parseCPUs reads a list such as "0,2-5", in the form of taskset(1). The error is a phrase.
func parseCPUs(text string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		a, err := strconv.ParseUint(first, 10, 10)
		b := a
		if err == nil && ranged {
			b, err = strconv.ParseUint(last, 10, 10)
		}
		if err != nil || b < a {
			return nil, fmt.Errorf("want auto or processors such as 0,2-5, got %q", text)
		}
		for cpu := int(a); cpu <= int(b); cpu++ {
			if slices.Contains(cpus, cpu) {
				return nil, fmt.Errorf("names processor %d twice", cpu)
			}
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// formatCPUs writes ascending numbers as parseCPUs reads them.
func formatCPUs(cpus []int) string {
	var parts []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		part := strconv.Itoa(cpus[i])
		if j > i {
			part += "-" + strconv.Itoa(cpus[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// minMemoryLimit is less than an idle server needs twice over: below it the collector would
// never rest.
const minMemoryLimit = 32 << 20

// parseMemoryLimit returns the bytes of a limit, 0 for "auto" and "off". The error is a phrase.
func parseMemoryLimit(text string) (int64, error) {
	if text == wordAuto || text == wordOff {
		return 0, nil
	}
	digits, shift := text, 0
	for _, unit := range byteUnits {
		if rest, ok := strings.CutSuffix(text, unit.suffix); ok {
			digits, shift = strings.TrimRight(rest, " "), unit.shift
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("want auto, off or a size such as 4GiB, got %q", text)
	}
	if n<<shift < minMemoryLimit {
		return 0, fmt.Errorf("must be at least 32MiB, got %q", text)
	}
	return n << shift, nil
}

// apply sets up the garbage collector, unless the environment has: GOGC and GOMEMLIMIT win,
// since who sets them knows what they are for.
func (c *Config) applyMemory(log *slog.Logger) error {
	if !c.goGC {
		percent := c.Tuning.GCPercent
		if percent == 0 {
			percent = -1
		}
		debug.SetGCPercent(percent)
	}
	if !c.goMemoryLimit {
		limit, err := c.memoryLimit()
		if err != nil {
			return err
		}
		debug.SetMemoryLimit(limit)
	}
	log.Debug("memory", "gc_percent", c.Tuning.GCPercent, "limit", debug.SetMemoryLimit(-1))
	return nil
}

// memoryLimit returns what debug.SetMemoryLimit takes.
func (c *Config) memoryLimit() (int64, error) {
	limit, err := parseMemoryLimit(c.Tuning.MemoryLimit)
	if err != nil || limit > 0 {
		return limit, err
	}
	total := int64(0)
	if c.Tuning.MemoryLimit == wordAuto {
		total = memoryTotal(os.DirFS("/"))
	}
	if total == 0 {
		if c.Tuning.GCPercent == 0 && !c.goGC {
			return 0, errors.New("tuning.gc_percent is 0, and tuning.memory_limit: auto finds no memory size on this system; set a size")
		}
		return math.MaxInt64, nil
	}
	return max(total/5*4, minMemoryLimit), nil
}
