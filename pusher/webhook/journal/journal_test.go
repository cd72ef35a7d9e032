package journal_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/gannet-io/gannet/pusher/webhook/journal"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
)

var start = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func batch(seq uint64, webhook string) *outbox.Batch {
	return &outbox.Batch{
		Seq: seq, App: "a", Webhook: webhook, Created: time.UnixMilli(start.UnixMilli() + int64(seq)),
		Events: fmt.Appendf(nil, `{"n":%d}`, seq), Count: 1, Channels: []string{"c"},
	}
}

func put(b *outbox.Batch) outbox.Record {
	return outbox.Record{Seq: b.Seq, Data: outbox.AppendRecord(nil, b)}
}

func died(b *outbox.Batch, at time.Time) *outbox.Dead {
	return &outbox.Dead{Batch: b, Reason: "500", At: time.UnixMilli(at.UnixMilli())}
}

func commit(t *testing.T, j journal.Journal, now time.Time, c outbox.Changes) (dropped int) {
	t.Helper()
	dropped, err := j.Commit(&c, now)
	if err != nil {
		t.Fatal(err)
	}
	return dropped
}

func open(t *testing.T, path string, b journal.Bounds) *journal.Bolt {
	t.Helper()
	j, err := journal.Open(path, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func load(t *testing.T, j journal.Journal) *journal.Contents {
	t.Helper()
	c, err := j.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// each runs a test for both kinds.
func each(t *testing.T, test func(t *testing.T, open func(b journal.Bounds) journal.Journal)) {
	t.Run("memory", func(t *testing.T) {
		test(t, func(b journal.Bounds) journal.Journal { return journal.NewMemory(b) })
	})
	t.Run("bolt", func(t *testing.T) {
		test(t, func(b journal.Bounds) journal.Journal { return open(t, filepath.Join(t.TempDir(), "j"), b) })
	})
}

func seqs(t *testing.T, j journal.Journal, q journal.Query) (list []uint64) {
	t.Helper()
	dead, err := j.Dead(q)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dead {
		list = append(list, d.Seq)
	}
	return list
}

func TestDeadLettersAreFoundAndForgotten(t *testing.T) {
	each(t, func(t *testing.T, open func(journal.Bounds) journal.Journal) {
		j := open(journal.Bounds{})
		load(t, j)
		var c outbox.Changes
		for seq := uint64(1); seq <= 9; seq++ {
			c.Bury = append(c.Bury, died(batch(seq, []string{"one", "two"}[seq%2]), start))
		}
		commit(t, j, start, c)
		for _, tt := range []struct {
			q    journal.Query
			want []uint64
		}{
			{journal.Query{}, []uint64{9, 8, 7, 6, 5, 4, 3, 2, 1}},
			{journal.Query{Limit: 2}, []uint64{9, 8}},
			{journal.Query{Before: 4}, []uint64{3, 2, 1}},
			{journal.Query{Before: 100, Limit: 1}, []uint64{9}},
			{journal.Query{Before: 1}, nil},
			{journal.Query{Webhook: "one", Limit: 3}, []uint64{8, 6, 4}},
			{journal.Query{App: "b"}, nil},
			{journal.Query{Seq: 5}, []uint64{5}},
			{journal.Query{Seq: 50}, nil},
			{journal.Query{Seq: 5, Webhook: "one"}, nil},
		} {
			if got := seqs(t, j, tt.q); !slices.Equal(got, tt.want) {
				t.Errorf("%+v: got %v, want %v", tt.q, got, tt.want)
			}
		}
		dead, err := j.Dead(journal.Query{Seq: 5})
		if want := died(batch(5, "two"), start); err != nil || !reflect.DeepEqual(dead[0], want) {
			t.Errorf("got %+v %+v, want %+v", dead[0], dead[0].Batch, want)
		}
		if n, bytes := j.Kept(); n != 9 || bytes <= 0 {
			t.Errorf("%d letters of %d bytes, want 9", n, bytes)
		}
		if n, err := j.Discard([]uint64{1, 2, 2, 77}); err != nil || n != 2 {
			t.Errorf("discarded %d, %v; want 2", n, err)
		}
		commit(t, j, start, outbox.Changes{Revive: []uint64{9, 99}})
		if got, want := seqs(t, j, journal.Query{}), []uint64{8, 7, 6, 5, 4, 3}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if _, err := j.Discard([]uint64{3, 4, 5, 6, 7, 8}); err != nil {
			t.Fatal(err)
		}
		if n, bytes := j.Kept(); n != 0 || bytes != 0 {
			t.Errorf("%d letters of %d bytes are left", n, bytes)
		}
	})
}

func TestTheOldestDeadLettersMakeRoom(t *testing.T) {
	each(t, func(t *testing.T, open func(journal.Bounds) journal.Journal) {
		j := open(journal.Bounds{Bytes: 4000, Age: time.Hour})
		load(t, j)
		big := func(seq uint64) *outbox.Batch {
			b := batch(seq, "one")
			b.Events = bytes.Repeat([]byte("x"), 1000)
			return b
		}
		dropped := 0
		for seq := uint64(1); seq <= 5; seq++ {
			dropped += commit(t, j, start, outbox.Changes{Bury: []*outbox.Dead{died(big(seq), start)}})
		}
		got := seqs(t, j, journal.Query{})
		if n := len(got); n != 3 || got[0] != 5 || got[2] != 3 || dropped != 2 {
			t.Errorf("kept %v, dropped %d; want 5 4 3 and 2", got, dropped)
		}
		if _, bytes := j.Kept(); bytes > 4000 {
			t.Errorf("%d bytes are kept", bytes)
		}
		if n := commit(t, j, start.Add(time.Hour), outbox.Changes{}); n != 0 {
			t.Errorf("%d dropped after an hour", n)
		}
		if n := commit(t, j, start.Add(time.Hour+time.Second), outbox.Changes{}); n != 3 {
			t.Errorf("%d dropped after more than an hour, want 3", n)
		}
	})
}

func TestMemoryStartsAnewEachTime(t *testing.T) {
	one, two := load(t, journal.NewMemory(journal.Bounds{})), load(t, journal.NewMemory(journal.Bounds{}))
	if one.Instance == two.Instance || one.Instance == "" {
		t.Errorf("instances %q and %q", one.Instance, two.Instance)
	}
}

func TestFileIsTheOwnersAndOneProcesss(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	open(t, path, journal.Bounds{})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := journal.Open(path, journal.Bounds{}); err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("opened twice: %v", err)
	}
}

func TestFileOfAnotherVersionIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := journal.Open(path, journal.Bounds{})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("version"), []byte("2")) })
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(path, journal.Bounds{}); err == nil || !strings.Contains(err.Error(), `version "2"`) {
		t.Errorf("got %v", err)
	}
}

func TestFileThatIsNoJournalIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no"), 10000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(path, journal.Bounds{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := journal.Open(filepath.Join(path, "x"), journal.Bounds{}); err == nil {
		t.Error("opened below a file")
	}
}

// TestEveryCommitIsThereAfterACrash commits at random, copies the file at each commit as a crash would leave it, and opens
// the copy.
func TestEveryCommitIsThereAfterACrash(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "j")
	j := open(t, path, journal.Bounds{})
	instance := load(t, j).Instance
	r := rand.New(rand.NewPCG(1, 2))
	var (
		queue   = map[uint64]string{}
		dead    = map[uint64]bool{}
		present = map[outbox.Present]bool{}
		last    uint64
	)
	pick := func(m int, visit func(uint64)) {
		for seq := range queue {
			if m--; m < 0 {
				break
			}
			visit(seq)
		}
	}
	for i := range 60 {
		var c outbox.Changes
		for seq := range dead {
			if r.IntN(3) == 0 {
				delete(dead, seq)
				c.Revive = append(c.Revive, seq)
				b := batch(seq, "one")
				c.Put = append(c.Put, put(b))
				queue[seq] = string(b.Events)
			}
		}
		for range r.IntN(10) {
			last++
			b := batch(last, "one")
			c.Put = append(c.Put, put(b))
			queue[last] = string(b.Events)
		}
		pick(r.IntN(4), func(seq uint64) { // grown
			b := batch(seq, "one")
			b.Events = fmt.Appendf(b.Events, `,{"i":%d}`, i)
			c.Put = append(c.Put, put(b))
			queue[seq] = string(b.Events)
		})
		pick(r.IntN(4), func(seq uint64) {
			c.Delete = append(c.Delete, seq)
			delete(queue, seq)
		})
		pick(r.IntN(3), func(seq uint64) {
			c.Bury = append(c.Bury, died(batch(seq, "one"), start))
			delete(queue, seq)
			dead[seq] = true
		})
		for range r.IntN(6) {
			p := outbox.Present{App: "a", Channel: fmt.Sprint("c", r.IntN(5))}
			if r.IntN(2) == 0 {
				p.User, p.Member = fmt.Sprint(r.IntN(3)), true
				if p.User == "0" {
					p.User = "" // an id can be empty
				}
			}
			there := r.IntN(2) == 0
			c.Ledger = append(c.Ledger, outbox.LedgerChange{Present: p, There: there})
			delete(present, p)
			if there {
				present[p] = true
			}
		}
		commit(t, j, start, c)

		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(folder, fmt.Sprint("copy", i))
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := journal.Open(copied, journal.Bounds{})
		if err != nil {
			t.Fatal(err)
		}
		got := load(t, again)
		if got.Instance != instance || got.Seq != last {
			t.Fatalf("instance %q, seq %d; want %q, %d", got.Instance, got.Seq, instance, last)
		}
		gotQueue := map[uint64]string{}
		for _, b := range got.Batches {
			gotQueue[b.Seq] = string(b.Events)
		}
		if !reflect.DeepEqual(gotQueue, queue) {
			t.Fatalf("queue %v, want %v", gotQueue, queue)
		}
		gotPresent, members := map[outbox.Present]bool{}, true
		for _, p := range got.Present {
			if gotPresent[p] = true; p.Member && !members {
				t.Fatalf("members behind channels: %v", got.Present)
			}
			members = p.Member
		}
		if !reflect.DeepEqual(gotPresent, present) {
			t.Fatalf("ledger %v, want %v", gotPresent, present)
		}
		if n, _ := again.Kept(); n != len(dead) || len(seqs(t, again, journal.Query{})) != n {
			t.Fatalf("%d dead letters, want %d", n, len(dead))
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
