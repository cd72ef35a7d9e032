package redisbus_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

// A flow appends to many logs, in all parts of a cluster, until it is told to stop, and knows what was acknowledged.
type flow struct {
	topics []string
	acked  [][]string // by topic
	total  atomic.Int64
	stop   atomic.Bool
	all    sync.WaitGroup
}

var flowKeep = &backbone.Retention{Events: 1_000_000}

// flowing starts a flow from a, whose topics b is attached to.
func flowing(t *testing.T, a, b *witness) *flow {
	t.Helper()
	f := &flow{acked: make([][]string, 16)}
	t.Cleanup(func() {
		f.stop.Store(true)
		f.all.Wait()
	})
	for i := range f.acked {
		topic := fmt.Sprint("flow", i)
		f.topics = append(f.topics, topic)
		b.attach(topic, flowKeep)
		f.all.Go(func() {
			for n := 0; !f.stop.Load(); n++ {
				if text := fmt.Sprint(n); a.Append(topic, flowKeep, []byte(text))() == nil {
					f.acked[i] = append(f.acked[i], text)
					f.total.Add(1)
				}
			}
		})
	}
	return f
}

// more waits for more of what is acknowledged.
func (f *flow) more(s *server, n int64) {
	s.t.Helper()
	from := f.total.Load()
	s.waitFor("the flow", func() bool { return f.total.Load() >= from+n })
}

// end stops the flow, and checks that b has every log whole: each message once, in order, and all that was acknowledged.
// With lossy, what was acknowledged may be missing if b was told that a log begins anew.
func (f *flow) end(t *testing.T, a, b *witness, epochs map[string]string) {
	t.Helper()
	f.stop.Store(true)
	f.all.Wait()
	lost := 0
	for i, topic := range f.topics {
		a.eventually("Append", func() func() error { return a.Append(topic, flowKeep, []byte("end")) })
		b.until("the end of "+topic, func() bool { l := b.log[topic]; return len(l) > 0 && l[len(l)-1] == "end" })
		b.mu.Lock()
		log, changed := slices.Clone(b.log[topic]), b.tails[topic].Epoch != epochs[topic]
		b.mu.Unlock()
		at := make(map[string]int, len(log))
		for n, text := range log {
			if _, twice := at[text]; twice {
				t.Errorf("%s: %s is there twice", topic, text)
			}
			at[text] = n
		}
		last := -1
		for _, text := range f.acked[i] {
			n, ok := at[text]
			switch {
			case !ok && changed:
				lost++
			case !ok:
				t.Fatalf("%s: %s was acknowledged and is not there, and nobody was told", topic, text)
			case n < last:
				t.Fatalf("%s: %s is out of order", topic, text)
			default:
				last = n
			}
		}
	}
	t.Logf("%d acknowledged, %d lost where it was told", f.total.Load(), lost)
}

func (f *flow) epochs(b *witness) map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[string]string)
	for _, topic := range f.topics {
		all[topic] = b.tails[topic].Epoch
	}
	return all
}

// clusterCLI runs redis-cli --cluster.
func clusterCLI(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("redis-cli", append([]string{"--cluster"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli --cluster %q: %v\n%s", args, err, out)
	}
}

// id returns a server's name in its cluster.
func (s *server) id() string {
	m := s.do("CLUSTER", "MYID")
	id, _ := m.ToString()
	return id
}

// slotOf returns the slot of a key.
func slotOf(s *server, key string) string {
	m := s.do("CLUSTER", "KEYSLOT", key)
	n, _ := m.AsInt64()
	return fmt.Sprint(n)
}

// homeOf returns which of the servers that primaries started had the slot of a key then.
func homeOf(all []*server, key string) int {
	n, _ := strconv.Atoi(slotOf(all[0], key))
	return n * len(all) / 16384
}

// move moves a slot with all that is in it, key by key, as redis-cli does.
func move(all []*server, key string, from, to int) {
	slot, src, dst := slotOf(all[0], key), all[from], all[to]
	dst.do("CLUSTER", "SETSLOT", slot, "IMPORTING", src.id())
	src.do("CLUSTER", "SETSLOT", slot, "MIGRATING", dst.id())
	for {
		m := src.do("CLUSTER", "GETKEYSINSLOT", slot, "1")
		keys, err := m.AsStrSlice()
		if err != nil || len(keys) == 0 {
			break
		}
		src.do("MIGRATE", "127.0.0.1", fmt.Sprint(dst.port), keys[0], "0", "5000")
	}
	dst.do("CLUSTER", "SETSLOT", slot, "NODE", dst.id())
	for _, s := range all {
		if s != dst {
			s.do("CLUSTER", "SETSLOT", slot, "NODE", dst.id())
		}
	}
}

func TestSlotsOfARedisClusterMoveWhileMessagesFlow(t *testing.T) {
	all := primaries(t)
	config := redisbus.Config{URL: as("redis+cluster", all[0].addr(), ""), Name: "a"}
	a := join(t, newBus(t, config))
	config.Name = "b"
	b := join(t, newBus(t, config))
	b.until("both", func() bool { return len(b.nodes) == 2 })
	a.ok("Put", a.Put(entry("k", "v")))
	b.attach("plain", nil)
	f := flowing(t, a, b)
	f.more(all[0], 200)
	epochs := f.epochs(b)
	// The first slots, of which some are ours, go round.
	for i, s := range all {
		clusterCLI(t, "reshard", s.addr(), "--cluster-from", s.id(), "--cluster-to", all[(i+1)%3].id(), "--cluster-slots", "260", "--cluster-yes")
		f.more(all[0], 200)
	}
	// Then that of the board.
	for _, n := range []*witness{a, b} {
		n.mu.Lock()
		if n.rejoins != 1 {
			t.Errorf("%d rejoins, although the board stayed", n.rejoins-1)
		}
		n.mu.Unlock()
	}
	home := homeOf(all, "{board}")
	move(all, "{board}", home, (home+1)%3)
	for _, n := range []*witness{a, b} {
		n.until("another incarnation", func() bool { return n.rejoins == 2 })
	}
	for _, n := range []*witness{a, b} {
		n.until("State up", func() bool { return n.up })
		n.eventually("Put", func() func() error { return n.Put(entry("moved", n.Status().Self.Name)) })
		n.Settled()
	}
	for _, n := range []*witness{a, b} {
		n.until("both nodes, and no ghosts", func() bool {
			return len(n.nodes) == 2 && n.entries[a.self.ID]["moved"] == "a" && n.entries[b.self.ID]["moved"] == "b"
		})
	}
	for i := range 64 { // of all partitions
		topic := fmt.Sprint("plain", i)
		b.attach(topic, nil)
		a.eventually("Publish", func() func() error { return a.Publish(topic, []byte("m")) })
		b.until("a message", func() bool { return strings.Contains(strings.Join(b.messages[topic], ""), "m") })
	}
	f.end(t, a, b, epochs)
}

func TestAPrimaryOfARedisClusterDiesWhileMessagesFlow(t *testing.T) {
	quick := []string{"--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0"}
	all := primaries(t, quick...)
	replica := startMember(t, quick...)
	replica.do("CLUSTER", "MEET", "127.0.0.1", fmt.Sprint(all[0].port), all[0].option("--cluster-port"))
	for _, s := range append(slices.Clone(all), replica) {
		s.formed(4)
	}
	// The one that has the board is the one to die.
	victim := all[homeOf(all, "{board}")]
	replica.do("CLUSTER", "REPLICATE", victim.id())
	replica.allow()
	replica.waitFor("replication", func() bool {
		m := replica.do("INFO", "replication")
		text, _ := m.ToString()
		return strings.Contains(text, "master_link_status:up")
	})
	var left []string
	for _, s := range all {
		if s != victim {
			left = append(left, s.addr())
		}
	}
	config := redisbus.Config{URL: as("redis+cluster", strings.Join(left, ","), ""), Name: "a"}
	a := join(t, newBus(t, config))
	config.Name = "b"
	b := join(t, newBus(t, config))
	b.until("both", func() bool { return len(b.nodes) == 2 })
	f := flowing(t, a, b)
	f.more(replica, 200)
	epochs := f.epochs(b)
	victim.kill()
	for _, n := range []*witness{a, b} {
		n.until("another incarnation", func() bool { return n.rejoins == 2 && n.up })
		n.eventually("Put", func() func() error { return n.Put(entry("k", n.Status().Self.Name)) })
		n.Settled()
	}
	for _, n := range []*witness{a, b} {
		n.until("the new incarnations alone", func() bool {
			return len(n.nodes) == 2 && len(n.gone) == 2 && n.entries[a.self.ID]["k"] == "a" && n.entries[b.self.ID]["k"] == "b"
		})
	}
	f.more(replica, 200)
	f.end(t, a, b, epochs)
}
