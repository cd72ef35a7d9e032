// Package reasons counts what happened by why it happened, such as refusals by their reason: one metric with one label,
// whose values show up as they occur.
//
// It exists because refusals come at the will of the peer. A flood of bad messages must not build a metric's name for
// each of them, nor meet at the lock of the metric set. It knows no reason itself: that they are a bounded set of words
// is the caller's promise.
package reasons

import (
	"maps"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
)

// Counters are the counters of one metric by a value of a label, mostly its only one. Any goroutine.
type Counters struct {
	// Set once by New.
	set    *metrics.Set
	name   string
	labels func(value string) string

	known atomic.Pointer[map[string]*metrics.Counter] // by value; copied to be changed, which happens once a value
}

// New returns the counters of the metric name, which go into set as they are first needed.
func New(set *metrics.Set, name, label string) *Counters {
	return NewLabelled(set, name, func(value string) string { return label + `="` + value + `"` })
}

// NewLabelled is New for a metric with more labels than one. labels returns all of them for a value, as they stand between the braces.
func NewLabelled(set *metrics.Set, name string, labels func(value string) string) *Counters {
	c := &Counters{set: set, name: name, labels: labels}
	c.known.Store(new(map[string]*metrics.Counter))
	return c
}

// Of returns the counter for value, a word such as "bad_signature" out of a bounded set: it stays for ever. After the
// first call with a value it takes no lock and allocates nothing. Counters of the same name elsewhere in the set are
// the same.
func (c *Counters) Of(value string) *metrics.Counter {
	known := c.known.Load()
	if counter := (*known)[value]; counter != nil {
		return counter
	}
	counter := c.set.GetOrCreateCounter(c.name + "{" + c.labels(value) + "}")
	for {
		more := make(map[string]*metrics.Counter, len(*known)+1)
		maps.Copy(more, *known)
		more[value] = counter
		if c.known.CompareAndSwap(known, &more) {
			return counter
		}
		known = c.known.Load()
	}
}
