package main_test

import (
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	main "github.com/gannet-io/gannet/cmd/gannet"
	"github.com/gannet-io/gannet/engine"
)

func TestAProfileFillsWhatIsNotSet(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name, text string
		environ    []string
		want       main.TuningConfig
	}{
		{"nothing", "", nil,
			main.TuningConfig{Profile: "balanced", GCPercent: 200, MemoryLimit: "auto", NotSentLowat: 65536, UserTimeout: 30 * second}},
		{"latency", "tuning: {profile: latency}", nil,
			main.TuningConfig{Profile: "latency", GCPercent: 400, MemoryLimit: "auto", NotSentLowat: 131072, UserTimeout: 30 * second}},
		{"density", "tuning: {profile: density}", nil,
			main.TuningConfig{Profile: "density", GCPercent: 25, MemoryLimit: "auto", BatchWindow: 5 * time.Millisecond, NotSentLowat: 16384, UserTimeout: 30 * second}},
		{"keys win, even with the default of another profile", "tuning: {gc_percent: 200, batch_window: 0, profile: density}", nil,
			main.TuningConfig{Profile: "density", GCPercent: 200, MemoryLimit: "auto", NotSentLowat: 16384, UserTimeout: 30 * second}},
		{"variables are keys", "tuning: {notsent_lowat: 4KiB}", []string{"GANNET_TUNING_PROFILE=density", "GANNET_TUNING_GC_PERCENT=75"},
			main.TuningConfig{Profile: "density", GCPercent: 75, MemoryLimit: "auto", BatchWindow: 5 * time.Millisecond, NotSentLowat: 4096, UserTimeout: 30 * second}},
		{"nothing collected before the limit", "tuning: {gc_percent: 0, memory_limit: 3GiB, user_timeout: 0, notsent_lowat: 0}", nil,
			main.TuningConfig{Profile: "balanced", MemoryLimit: "3GiB"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := load(t, oneApp+tt.text, tt.environ...)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Tuning != tt.want {
				t.Errorf("%s %v\n got %+v\nwant %+v", tt.text, tt.environ, cfg.Tuning, tt.want)
			}
		})
	}
}

func TestTuningThatCannotBeIsRefused(t *testing.T) {
	allowed, err := engine.AllowedCPUs()
	if err != nil {
		if runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		t.Skip(err) // elsewhere there is no pinning
	}
	may := main.FormatCPUs(allowed)
	one := main.FormatCPUs(allowed[:1])
	for _, tt := range []struct{ text, want string }{
		{"{profile: dense}", `2:19: tuning.profile: must be one of balanced, latency, density, got "dense"`},
		{"{profile: latencey}", `2:19: tuning.profile: must be one of balanced, latency, density, got "latencey"; did you mean "latency"?`},
		{"{cpu_affinity: all}", `2:24: tuning.cpu_affinity: want auto or processors such as 0,2-5, got "all"`},
		{"{cpu_affinity: '3-1'}", `2:24: tuning.cpu_affinity: want auto or processors such as 0,2-5, got "3-1"`},
		{"{cpu_affinity: 1023}", `2:24: tuning.cpu_affinity: processor 1023 is not one this process may run on, which are ` + may},
		{"{cpu_affinity: '" + one + "," + one + "'}", `2:24: tuning.cpu_affinity: names processor ` + one + ` twice`},
		{"{cpu_affinity: '" + one + "'}\nloops: 2", `2:24: tuning.cpu_affinity: names 1 processors for 2 loops; each loop needs one of its own`},
		{"{gc_percent: -1}", `2:22: tuning.gc_percent: must not be negative, got "-1"`},
		{"{gc_percent: 20000}", `2:22: tuning.gc_percent: must be from 0 to 10000, got 20000`},
		{"{gc_percent: 0, memory_limit: off}", `2:22: tuning.gc_percent: must not be 0 without a memory limit: nothing would ever be collected`},
		{"{memory_limit: 4GB}", `2:24: tuning.memory_limit: want auto, off or a size such as 4GiB, got "4GB"`},
		{"{memory_limit: 1MiB}", `2:24: tuning.memory_limit: must be at least 32MiB, got "1MiB"`},
		{"{memory_limit: 9999999999GiB}", `2:24: tuning.memory_limit: want auto, off or a size such as 4GiB, got "9999999999GiB"`},
		{"{batch_window: 11ms}", `2:24: tuning.batch_window: must be at most 10ms, got 11ms`},
		{"{send_buffer: 2GiB}", "2:23: tuning.send_buffer: must be at most 1GiB, got 2GiB"},
		{"{notsent_lowat: 1}", `2:25: tuning.notsent_lowat: must be at least 4KiB, or 0 for the kernel's, got 1`},
		{"{user_timeout: 10ms}", `2:24: tuning.user_timeout: must be at least 1s, or 0 for the kernel's`},
	} {
		_, err := load(t, oneApp+"tuning: "+tt.text)
		if want := "gannet.yaml:" + tt.want; err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, want)
		}
	}
}

func TestProcessorListsAreThoseOfTaskset(t *testing.T) {
	for text, want := range map[string][]int{"0": {0}, "3,1": {3, 1}, "0,2-4,9": {0, 2, 3, 4, 9}, "7-7": {7}} {
		got, err := main.ParseCPUs(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", ",", "0,", "-1", "1-", "a", "0-1024", "0x1", "1 2"} {
		if got, err := main.ParseCPUs(text); err == nil {
			t.Errorf("%q: got %d", text, got)
		}
	}
	if got := main.FormatCPUs([]int{0, 2, 3, 4, 9}); got != "0,2-4,9" {
		t.Errorf("formatted as %q", got)
	}
}

func TestMemoryIsTheLeastOfMachineAndGroups(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	meminfo := file("MemTotal:       1000000 kB\nMemFree: 5 kB\n")
	for _, tt := range []struct {
		name string
		root fstest.MapFS
		want int64
	}{
		{"not Linux", fstest.MapFS{}, 0},
		{"machine", fstest.MapFS{"proc/meminfo": meminfo}, 1024000000},
		{"group", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max": file("max\n"), "sys/fs/cgroup/a/memory.max": file("500000000\n")}, 500000000},
		{"the nearest is not the least", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max": file("700000000\n"), "sys/fs/cgroup/a/memory.max": file("600000000\n")}, 600000000},
		{"container with the host's path", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/kubepods/x\n"),
			"sys/fs/cgroup/memory.max": file("300000000\n")}, 300000000},
		{"version 1", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("5:cpu,cpuacct:/x\n4:memory:/x\n"),
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": file("200000000\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   file("9223372036854771712\n")}, 200000000},
		{"above the machine", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/\n"),
			"sys/fs/cgroup/memory.max": file("5000000000\n")}, 1024000000},
	} {
		if got := main.MemoryTotal(tt.root); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestTheEnvironmentOfGoWinsOverTuning(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	const text = oneApp + "tuning: {gc_percent: 150, memory_limit: 3GiB}"
	for _, tt := range []struct {
		environ  []string
		percent  int
		limit    int64
		warnings int
	}{
		{nil, 150, 3 << 30, 0},
		{[]string{"GOGC=", "GOMEMLIMIT="}, 150, 3 << 30, 0},
		{[]string{"GOGC=70"}, 70, 3 << 30, 1},
		{[]string{"GOMEMLIMIT=1GiB"}, 150, 1 << 30, 1},
		{[]string{"GOGC=70", "GOMEMLIMIT=1GiB"}, 70, 1 << 30, 2},
	} {
		cfg, err := load(t, text, tt.environ...)
		if err != nil {
			t.Fatal(err)
		}
		debug.SetGCPercent(70) // as the runtime does before main
		debug.SetMemoryLimit(1 << 30)
		percent, limit, err := cfg.ApplyMemory()
		if err != nil || percent != tt.percent || limit != tt.limit {
			t.Errorf("%q: gc_percent %d, memory_limit %d, %v; want %d, %d", tt.environ, percent, limit, err, tt.percent, tt.limit)
		}
		if len(cfg.Warnings) != tt.warnings || tt.warnings > 0 && !strings.Contains(cfg.Warnings[0], "wins over tuning.") {
			t.Errorf("%q: warnings %q", tt.environ, cfg.Warnings)
		}
	}
	cfg, err := load(t, oneApp+"tuning: {gc_percent: 0, memory_limit: 1GiB}")
	if err != nil {
		t.Fatal(err)
	}
	if percent, _, err := cfg.ApplyMemory(); percent != -1 || err != nil {
		t.Errorf("gc_percent 0 sets %d, %v; want -1, which is off", percent, err)
	}
}

func TestMemoryIsGivenBackOnceAfterAStorm(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	see, conns := new(main.Memory), new(int)
	look := main.NewReclaimer(see, conns)
	looks := func(n int) (freed int) {
		for range n {
			now = now.Add(2 * time.Second)
			if look(now) {
				freed++
			}
		}
		return freed
	}
	const mib = 1 << 20
	storm := func() {
		for range 5 {
			*conns += 5000
			see.Allocated += 10 * mib
			if looks(1) > 0 {
				t.Fatal("freed in the middle of a storm")
			}
		}
	}
	*see = main.Memory{Live: 20 * mib, Objects: 30 * mib, Idle: 10 * mib}
	storm()
	// The look after the last change is the first that sees none.
	if n := looks(2); n != 0 {
		t.Error("freed before it was quiet for three looks")
	}
	if n := looks(1); n != 1 {
		t.Error("not freed when it had been quiet for three looks")
	}
	if n := looks(29); n != 0 {
		t.Errorf("freed %d times more within a minute", n)
	}
	if n := looks(1); n != 1 {
		t.Error("not freed a minute later, with as much to gain again")
	}
	*see = main.Memory{Allocated: see.Allocated, Live: 20 * mib, Objects: 20*mib + mib/4, Idle: mib / 2}
	if n := looks(100); n != 0 {
		t.Errorf("freed %d times for 0.75 MiB of 20", n)
	}
	*see = main.Memory{Allocated: see.Allocated, Live: 2000 * mib, Objects: 2001 * mib, Idle: 60 * mib}
	if n := looks(100); n != 0 {
		t.Errorf("freed %d times for a thirtieth of the heap", n)
	}
	*see = main.Memory{Allocated: see.Allocated, Live: 20 * mib, Objects: 60 * mib, Idle: 10 * mib}
	for range 100 {
		see.Allocated += 5 * mib // traffic, which needs that memory
		if looks(1) != 0 {
			t.Fatal("freed under traffic")
		}
	}
}

func TestTheRuntimeStillHasWhatIsLookedAt(t *testing.T) {
	m := main.ReadMemory()
	if m.Allocated() == 0 || m.Objects() == 0 || m.Idle() == 0 {
		t.Errorf("%+v: zeros", m)
	}
}
