//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// head says where results come from.
type head struct {
	Command    string   `json:"command"`
	Commit     string   `json:"commit"`
	Date       string   `json:"date"`
	Machine    string   `json:"machine"` // short, for the file's name
	CPU        string   `json:"cpu"`
	Cores      int      `json:"cores"`
	Kernel     string   `json:"kernel"`
	Go         string   `json:"go"`
	Processors [2]int   `json:"processors"` // of server and generator
	Load       string   `json:"load"`       // averages when it began
	Rounds     int      `json:"rounds"`
	Quick      bool     `json:"quick,omitempty"`
	Divide     int      `json:"divide"`
	Most       int      `json:"most"`
	Servers    []string `json:"servers"`
	Notes      []string `json:"notes,omitempty"`
}

func (b *bench) head(ctx context.Context, args []string) head {
	cpu := model()
	cores := runtime.NumCPU()
	load, _ := os.ReadFile("/proc/loadavg")
	fields := append(strings.Fields(string(load)), "?", "?", "?")
	return head{
		Command:    commandLine(args),
		Commit:     b.commit(ctx),
		Date:       b.began.UTC().Format(time.RFC3339),
		Machine:    slug(fmt.Sprintf("%s %d cores", cpu, cores)),
		CPU:        cpu,
		Cores:      cores,
		Kernel:     kernel(),
		Go:         runtime.Version() + " " + runtime.GOARCH,
		Processors: [2]int{b.serverCPU, b.generatorCPU},
		Load:       strings.Join(fields[:3], " "),
		Rounds:     b.rounds,
		Quick:      b.scale.quick,
		Divide:     b.scale.divide,
		Most:       b.scale.most,
		Servers:    b.names,
		Notes:      b.notes,
	}
}

// commandLine is what to type; where somebody keeps a rival is nobody's business.
func commandLine(args []string) string {
	words := []string{"go run ./bench"}
	hide, skip := false, false
	for _, arg := range args {
		flagName, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		name, _, _ := strings.Cut(value, "=")
		switch {
		case skip:
			arg, skip = "…", false
		case hide:
			arg, hide = flagName+"=…", false
		case strings.HasPrefix(arg, "-") && flagName == "rival" && given:
			arg = "--rival=" + name + "=…"
		case strings.HasPrefix(arg, "-") && flagName == "rival":
			hide = true
		case strings.HasPrefix(arg, "-") && (flagName == "out" || flagName == "svg") && given:
			arg = "--" + flagName + "=…"
		case strings.HasPrefix(arg, "-") && (flagName == "out" || flagName == "svg"):
			skip = true
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// commit names what is measured; "dirty" when tracked files differ from it.
func (b *bench) commit(ctx context.Context) string {
	name, err := output(ctx, b.root, "git", "rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown"
	}
	if changes, err := output(ctx, b.root, "git", "status", "--porcelain", "--untracked-files=no"); err != nil || changes != "" {
		name += "-dirty"
	}
	return name
}

// model names the processor.
func model() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.Join(strings.Fields(value), " ")
			}
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	// What follows the number names the build, and perhaps whose.
	number, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
	return "Linux " + number
}

// slug keeps letters and digits.
func slug(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
}
