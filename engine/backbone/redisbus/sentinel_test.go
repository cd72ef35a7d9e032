package redisbus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

// waitFor waits until is says so.
func (s *server) waitFor(what string, is func() bool) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			s.t.Fatalf("%s: not within %v\n%s", what, patience, s.log.String())
		}
	}
}

func TestAReplicaThatTakesOverIsAnotherRun(t *testing.T) {
	t.Run("since its primary died", func(t *testing.T) {
		takeOver(t, func(primary, _ *server) { primary.kill() })
	})
	t.Run("since somebody wanted it to", func(t *testing.T) {
		takeOver(t, func(primary, sentinel *server) {
			sentinel.do("SENTINEL", "FAILOVER", "main")
			primary.waitFor("nobody who listens to the old primary", func() bool {
				m, err := primary.try("PUBSUB", "CHANNELS", prefix+"*") // who becomes a replica hangs up
				if err != nil {
					return false
				}
				channels, err := m.AsStrSlice()
				return err == nil && len(channels) == 0
			})
		})
	})
}

func takeOver(t *testing.T, fail func(primary, sentinel *server)) {
	primary := startServer(t, "--repl-diskless-sync-delay", "0")
	replica := startServer(t, "--replicaof", "127.0.0.1", strconv.Itoa(primary.port))
	replica.waitFor("replication", func() bool {
		m := replica.do("INFO", "replication")
		text, _ := m.ToString()
		return strings.Contains(text, "master_link_status:up")
	})
	primary.allow()
	replica.allow()
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor main 127.0.0.1 %d 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n", primary.port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := &server{t: t, dir: t.TempDir(), file: conf, port: freePort(t)}
	t.Cleanup(sentinel.kill)
	if err := sentinel.run(); err != nil {
		t.Fatalf("sentinel: %v\n%s", err, sentinel.log.String())
	}
	sentinel.waitFor("a replica that the sentinel knows", func() bool {
		m := sentinel.do("SENTINEL", "REPLICAS", "main")
		all, err := m.ToArray()
		if err != nil || len(all) != 1 {
			return false
		}
		fields, _ := all[0].AsStrMap()
		return fields["master-link-status"] == "ok"
	})

	config := redisbus.Config{URL: as("redis+sentinel", sentinel.addr(), "/main"), Name: "a"}
	a := join(t, newBus(t, config))
	config.Name = "b"
	b := join(t, newBus(t, config))
	keep := &backbone.Retention{Events: 100}
	b.attach("t", keep)
	b.attach("plain", nil)
	for i := range 10 {
		a.ok("Append", a.Append("t", keep, fmt.Append(nil, i)))
	}
	b.until("all", func() bool { return slices.Equal(b.log["t"], numbered(10)) })
	epoch := b.tails["t"].Epoch
	f := flowing(t, a, b)
	f.more(sentinel, 200)
	epochs := f.epochs(b)
	fail(primary, sentinel)
	for _, n := range []*witness{a, b} {
		n.until("another incarnation", func() bool { return n.rejoins == 2 && n.up })
		n.eventually("Put", func() func() error { return n.Put(entry("k", n.Status().Self.Name)) })
		n.Settled()
	}
	for _, n := range []*witness{a, b} {
		n.until("the new incarnations alone", func() bool {
			return len(n.nodes) == 2 && len(n.gone) == 2 && len(n.entries[a.self.ID])+len(n.entries[b.self.ID]) == 2
		})
	}
	a.eventually("Append", func() func() error { return a.Append("t", keep, []byte("after")) })
	b.until("what comes after", func() bool {
		log := b.log["t"]
		return b.tails["t"].Epoch != epoch && len(log) > 0 && log[len(log)-1] == "after"
	})
	f.more(sentinel, 200)
	f.end(t, a, b, epochs)
	a.eventually("Publish", func() func() error { return a.Publish("plain", []byte("m")) })
	b.until("a message", func() bool { return slices.Contains(b.messages["plain"], "m") })
}
