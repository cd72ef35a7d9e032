package engine_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/engine"
)

// onThread runs f on a thread that ends with it.
func onThread(f func()) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		f()
		close(done)
	}()
	return done
}

func TestALoopRunsOnItsProcessorAlone(t *testing.T) {
	allowed, err := engine.AllowedCPUs()
	if err != nil || len(allowed) == 0 {
		t.Fatalf("AllowedCPUs() = %d, %v", allowed, err)
	}
	cpu := allowed[len(allowed)-1]
	s := serve(t, &handler{}, func(c *engine.Config) { c.Loops, c.CPUs = 0, []int{cpu} })
	dial(t, s)
	if n := len(s.Loops()); n != 1 {
		t.Fatalf("%d loops for one processor", n)
	}
	s.on(0, func(*engine.Loop) {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(0, &set); err != nil {
			t.Error(err)
		}
		if set.Count() != 1 || !set.IsSet(cpu) {
			t.Errorf("the loop may run on %v, want processor %d alone", set, cpu)
		}
	})
	// Threads inherit the mask of the one that makes them; other goroutines must not feel it.
	for range 20 {
		wait(t, onThread(func() {
			if others, err := engine.AllowedCPUs(); err != nil || !slices.Equal(others, allowed) {
				t.Errorf("another goroutine may run on %d (%v), want %d", others, err, allowed)
			}
		}), "a thread")
	}
}

func TestProcessorsThatCannotBeHadAreRefused(t *testing.T) {
	allowed, _ := engine.AllowedCPUs()
	for _, tt := range []struct {
		loops int
		cpus  []int
		want  string
	}{
		{1, []int{1023}, "engine: processor 1023 is not one this process may run on, which are ["},
		{1, []int{-1}, "engine: processor -1 is not one this process may run on, which are ["},
		{len(allowed) + 1, allowed, "engine: " + itoa(len(allowed)) + " processors for " + itoa(len(allowed)+1) + " loops"},
	} {
		_, err := engine.New(engine.Config{Handler: &handler{}, Loops: tt.loops, CPUs: tt.cpus, Log: quiet})
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%d loops on %d: %v, want %s…", tt.loops, tt.cpus, err, tt.want)
		}
	}
}

func TestSocketsHaveTheOptionsOfTheConfig(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) {
		c.SendBuffer, c.NotSentLowat, c.UserTimeout = 65536, 16384, 7*time.Second
	})
	dial(t, s)
	s.on(0, func(l *engine.Loop) {
		l.Each(func(c *engine.Conn) {
			for _, tt := range []struct {
				what        string
				level, name int
				want        int
			}{
				{"TCP_NOTSENT_LOWAT", unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, 16384},
				{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 7000},
				{"SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF, 2 * 65536}, // socket(7): the kernel doubles it
				{"SO_OOBINLINE", unix.SOL_SOCKET, unix.SO_OOBINLINE, 1},
				{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
			} {
				got, err := unix.GetsockoptInt(c.FD(), tt.level, tt.name)
				if err != nil || got != tt.want {
					t.Errorf("%s is %d (%v), want %d", tt.what, got, err, tt.want)
				}
			}
		})
	})
}

// What the kernel takes for a reader that never reads is out of reach of every limit of ours.
func TestNotSentLowatBoundsWhatTheKernelTakes(t *testing.T) {
	taken := func(lowat int) (bytes int) {
		slow := make(chan struct{}, 1)
		h := flooder(8<<10, 1<<10)
		h.notice = func(c *engine.Conn, _ engine.Notice) {
			c.Close(4100, "")
			slow <- struct{}{}
		}
		s := serve(t, h, func(c *engine.Config) { c.NotSentLowat, c.BacklogBytes = lowat, 1<<10 })
		dial(t, s).write(masked(1, true, "go"))
		wait(t, slow, "Slow")
		s.on(0, func(*engine.Loop) {})
		return s.count("gannet_engine_bytes_out_total")
	}
	for _, lowat := range []int{16 << 10, 32 << 10, 64 << 10, 128 << 10} {
		n := taken(lowat)
		t.Logf("%d KiB: the kernel took %d KiB", lowat>>10, n>>10)
		// What the peer's window lets pass was sent, and is not held against the mark.
		if n > lowat+512<<10 {
			t.Errorf("with a mark of %d the kernel took %d bytes", lowat, n)
		}
	}
	t.Logf("none: the kernel took %d KiB", taken(0)>>10)
}
