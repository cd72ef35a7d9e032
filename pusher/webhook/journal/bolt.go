package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/gannet-io/gannet/pusher/webhook/outbox"
)

// Bolt is a journal in a file. Make it with Open.
type Bolt struct {
	bounds Bounds
	db     *bbolt.DB

	writing sync.Mutex // held around a transaction that writes and the sums it changes; before mu

	mu    sync.Mutex
	kept  int // dead letters; guarded by mu
	bytes int // of them; guarded by mu
}

var (
	metaBucket   = []byte("meta")
	queueBucket  = []byte("queue")
	deadBucket   = []byte("dead")
	ledgerBucket = []byte("ledger")

	versionKey  = []byte("version")
	instanceKey = []byte("instance")
	version     = []byte("1")
)

// Open opens the journal in the file at path, and makes it, readable by its owner alone, when there is none. Nobody else
// may have it open.
func Open(path string, b Bounds) (*Bolt, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: time.Second,
		// The free pages are found again by reading the file when it is opened, which beats writing them at each commit.
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
	})
	if err != nil {
		return nil, fmt.Errorf("journal: open %s: %w", path, plain(err))
	}
	j := &Bolt{bounds: b, db: db}
	if err := db.Update(j.prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %s: %w", path, err), db.Close())
	}
	return j, nil
}

// plain says what there is to say of an error once the path is known.
func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	if errors.Is(err, berrors.ErrTimeout) {
		return errors.New("another process has it open")
	}
	return err
}

func (j *Bolt) prepare(tx *bbolt.Tx) error {
	for _, name := range [][]byte{metaBucket, queueBucket, deadBucket, ledgerBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(metaBucket)
	switch v := meta.Get(versionKey); {
	case v == nil:
		return errors.Join(meta.Put(versionKey, version), meta.Put(instanceKey, []byte(newInstance())))
	case !bytes.Equal(v, version):
		return fmt.Errorf("it is of version %q, and this program knows version %q", v, version)
	}
	return nil
}

// Durable implements Journal: it is.
func (j *Bolt) Durable() bool { return true }

// Load implements Journal.
func (j *Bolt) Load() (*Contents, error) {
	var c Contents
	err := j.db.View(func(tx *bbolt.Tx) error {
		c.Instance = string(tx.Bucket(metaBucket).Get(instanceKey))
		queue := tx.Bucket(queueBucket)
		c.Seq = queue.Sequence()
		err := queue.ForEach(func(k, v []byte) error {
			b, err := outbox.ParseRecord(binary.BigEndian.Uint64(k), v)
			c.Batches = append(c.Batches, b)
			return err
		})
		if err != nil {
			return err
		}
		var channels []outbox.Present
		err = tx.Bucket(ledgerBucket).ForEach(func(k, _ []byte) error {
			p, err := parseLedgerKey(k)
			if p.Member {
				c.Present = append(c.Present, p)
			} else {
				channels = append(channels, p)
			}
			return err
		})
		c.Present = append(c.Present, channels...)
		if err != nil {
			return err
		}
		return tx.Bucket(deadBucket).ForEach(func(k, v []byte) error {
			_, err := outbox.ParseDead(binary.BigEndian.Uint64(k), v)
			j.kept++
			j.bytes += len(k) + len(v)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("journal: read %s: %w", j.db.Path(), err)
	}
	return &c, nil
}

// Commit implements Journal.
func (j *Bolt) Commit(c *outbox.Changes, now time.Time) (dropped int, err error) {
	j.writing.Lock()
	defer j.writing.Unlock()
	var t commit
	t.kept, t.bytes = j.Kept()
	err = j.db.Update(func(tx *bbolt.Tx) error {
		t.queue, t.dead, t.ledger = tx.Bucket(queueBucket), tx.Bucket(deadBucket), tx.Bucket(ledgerBucket)
		t.apply(c)
		t.trim(j.bounds, now)
		return t.err
	})
	if err != nil {
		return 0, fmt.Errorf("journal: write %s: %w", j.db.Path(), err)
	}
	j.set(t.kept, t.bytes)
	return t.dropped, nil
}

func (j *Bolt) set(kept, bytes int) {
	j.mu.Lock()
	j.kept, j.bytes = kept, bytes
	j.mu.Unlock()
}

// A commit is one transaction being filled. After an error it does nothing more.
type commit struct {
	queue, dead, ledger  *bbolt.Bucket
	kept, bytes, dropped int
	err                  error
}

func (t *commit) apply(c *outbox.Changes) {
	for _, seq := range c.Revive {
		t.forget(key(seq))
	}
	seq := t.queue.Sequence()
	for _, r := range c.Put {
		t.try(t.queue.Put(key(r.Seq), r.Data))
		seq = max(seq, r.Seq)
	}
	if seq > t.queue.Sequence() {
		t.try(t.queue.SetSequence(seq))
	}
	for _, seq := range c.Delete {
		t.try(t.queue.Delete(key(seq)))
	}
	for _, d := range c.Bury {
		t.try(t.queue.Delete(key(d.Seq)))
		t.forget(key(d.Seq)) // never there, but the sums must not go wrong
		data := outbox.AppendDead(nil, d)
		t.try(t.dead.Put(key(d.Seq), data))
		t.kept++
		t.bytes += 8 + len(data)
	}
	for _, l := range c.Ledger {
		if l.There {
			t.try(t.ledger.Put(ledgerKey(l.Present), nil))
		} else {
			t.try(t.ledger.Delete(ledgerKey(l.Present)))
		}
	}
}

func (t *commit) try(err error) {
	if t.err == nil {
		t.err = err
	}
}

// forget deletes a dead letter.
func (t *commit) forget(key []byte) bool {
	v := t.dead.Get(key)
	if v == nil {
		return false
	}
	t.kept--
	t.bytes -= len(key) + len(v)
	t.try(t.dead.Delete(key))
	return true
}

// trim drops dead letters, those with the lowest Seq first, until they are within bounds.
func (t *commit) trim(b Bounds, now time.Time) {
	for t.err == nil {
		k, v := t.dead.Cursor().First()
		if k == nil {
			return
		}
		d, err := outbox.ParseDead(binary.BigEndian.Uint64(k), v)
		if t.try(err); err != nil || !b.exceeded(t.bytes, d.At, now) {
			return
		}
		t.forget(bytes.Clone(k))
		t.dropped++
	}
}

// Dead implements Journal.
func (j *Bolt) Dead(q Query) (list []*outbox.Dead, err error) {
	err = j.db.View(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(deadBucket).Cursor()
		k, v := cursor.Last()
		switch {
		case q.Seq != 0:
			k, v = cursor.Seek(key(q.Seq))
		case q.Before != 0:
			if k, _ = cursor.Seek(key(q.Before)); k != nil {
				k, v = cursor.Prev()
			} else {
				k, v = cursor.Last()
			}
		}
		for ; k != nil && (q.Limit == 0 || len(list) < q.Limit); k, v = cursor.Prev() {
			d, err := outbox.ParseDead(binary.BigEndian.Uint64(k), v)
			if err != nil {
				return err
			}
			if q.wants(d) {
				list = append(list, d)
			}
			if q.Seq != 0 {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("journal: read %s: %w", j.db.Path(), err)
	}
	return list, nil
}

// Discard implements Journal.
func (j *Bolt) Discard(seqs []uint64) (n int, err error) {
	j.writing.Lock()
	defer j.writing.Unlock()
	var t commit
	t.kept, t.bytes = j.Kept()
	err = j.db.Update(func(tx *bbolt.Tx) error {
		t.dead = tx.Bucket(deadBucket)
		for _, seq := range seqs {
			if t.forget(key(seq)) {
				n++
			}
		}
		return t.err
	})
	if err != nil {
		return 0, fmt.Errorf("journal: write %s: %w", j.db.Path(), err)
	}
	j.set(t.kept, t.bytes)
	return n, nil
}

// Kept implements Journal.
func (j *Bolt) Kept() (letters, bytes int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.kept, j.bytes
}

// Close implements Journal. It waits for transactions under way.
func (j *Bolt) Close() error { return j.db.Close() }

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// ledgerKey returns the key of p. Neither an app's id nor a channel can hold a NUL.
func ledgerKey(p outbox.Present) []byte {
	k := append([]byte(p.App), 0)
	k = append(append(k, p.Channel...), 0)
	if p.Member {
		k = append(append(k, 'm'), p.User...)
	}
	return k
}

func parseLedgerKey(k []byte) (p outbox.Present, err error) {
	appID, rest, ok := bytes.Cut(k, []byte{0})
	channel, user, alsoOK := bytes.Cut(rest, []byte{0})
	if !ok || !alsoOK || len(user) > 0 && user[0] != 'm' {
		return p, fmt.Errorf("an entry of the ledger that cannot be read: %q", k)
	}
	p.App, p.Channel, p.Member = string(appID), string(channel), len(user) > 0
	if p.Member {
		p.User = string(user[1:])
	}
	return p, nil
}
