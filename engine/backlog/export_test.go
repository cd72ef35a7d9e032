package backlog

import (
	"fmt"

	"github.com/gannet-io/gannet/frame"
)

// Pushed returns how many frames were ever pushed.
func (b *Backlog) Pushed() int { return int(b.base) + len(b.frames) }

// Check reports what is inconsistent in b after Relieve.
func (b *Backlog) Check() error {
	bytes, count, gaps := -b.sent, 0, 0
	type id struct {
		flow *frame.Flow
		key  uint64
	}
	seen := make(map[id]int)
	for i := b.head; i < len(b.frames); i++ {
		e := &b.frames[i]
		if e.gap() {
			gaps++
			continue
		}
		bytes += e.frame.Len()
		count += e.frame.Count()
		flow, key, _ := e.frame.Flow()
		if flow == nil || flow.Policy != frame.Conflate || i < b.droppable() {
			continue
		}
		if before, ok := seen[id{flow, key}]; ok && b.relief != nil && b.relief.conflating {
			return fmt.Errorf("entries %d and %d have one key while it conflates", before, i)
		}
		seen[id{flow, key}] = i
	}
	if bytes != b.bytes || count != b.count {
		return fmt.Errorf("%d bytes, %d frames are counted; there are %d and %d", b.bytes, b.count, bytes, count)
	}
	if b.relief != nil && b.relief.gaps != gaps || b.relief == nil && gaps > 0 {
		return fmt.Errorf("there are %d gaps: %+v", gaps, b.relief)
	}
	if b.judged != len(b.frames) {
		return fmt.Errorf("%d of %d are judged", b.judged, len(b.frames))
	}
	return nil
}
