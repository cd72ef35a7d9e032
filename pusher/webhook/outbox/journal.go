package outbox

import "time"

// Changes are what is to be stored in one go, in the order of the fields: what is revived may be dead again.
type Changes struct {
	Revive []uint64       // Seqs of dead letters that are dead no more
	Put    []Record       // batches, new or grown; with a journal
	Delete []uint64       // Seqs of batches that are over
	Bury   []*Dead        // batches that are over and to be kept as dead letters
	Ledger []LedgerChange // in order; with a journal

	batches []stored
}

// A Record is a batch as it is stored under its Seq.
type Record struct {
	Seq  uint64
	Data []byte // see AppendRecord
}

// A LedgerChange says that webhooks were told that somebody is there, or is not any more.
type LedgerChange struct {
	Present
	There bool
}

type stored struct {
	batch  *Batch
	length int // of its events
}

// Changed reports whether there is anything to store.
func (o *Outbox) Changed() bool {
	c := &o.changes
	return len(o.dirty)+len(c.Revive)+len(c.Put)+len(c.Delete)+len(c.Bury)+len(c.Ledger) > 0
}

// Changes returns what has changed since the last call. It is the caller's. With a journal, Stored is to be told of it
// when it is safe, and of the Changes of several calls in their order.
func (o *Outbox) Changes() Changes {
	for i, b := range o.dirty {
		b.dirty = false
		if b.state != over {
			o.changes.Put = append(o.changes.Put, Record{b.Seq, AppendRecord(nil, b)})
			o.changes.batches = append(o.changes.batches, stored{b, len(b.Events)})
		}
		o.dirty[i] = nil
	}
	o.dirty = o.dirty[:0]
	c := o.changes
	o.changes = Changes{}
	return c
}

// Stored takes in that c is on disk: its batches may be sent.
func (o *Outbox) Stored(c Changes, now time.Time) {
	for _, s := range c.batches {
		if s.batch.state == over {
			continue
		}
		s.batch.stored = s.length
		s.batch.queue.release(s.batch)
		o.update(s.batch.queue, now)
	}
}

func (o *Outbox) isStored(b *Batch) bool { return !o.cfg.Journal || b.stored == len(b.Events) }

// touch notes that b is to be stored.
func (o *Outbox) touch(b *Batch) {
	if o.cfg.Journal && !b.dirty {
		b.dirty = true
		o.dirty = append(o.dirty, b)
	}
}

func (o *Outbox) done(b *Batch) {
	if o.cfg.Journal {
		o.changes.Delete = append(o.changes.Delete, b.Seq)
	}
}

func (o *Outbox) bury(d *Dead) { o.changes.Bury = append(o.changes.Bury, d) }

func (o *Outbox) ledger(p Present, there bool) {
	if o.cfg.Journal {
		o.changes.Ledger = append(o.changes.Ledger, LedgerChange{p, there})
	}
}
