package node

import (
	"container/heap"
	"sync"
	"time"
)

// chores do what is due later: few, slow and unordered things, one goroutine for all. Each
// has a name, and a name is noted once: asking again before it has run changes nothing, so
// that whoever runs must look for himself what there is to do.
type chores struct {
	now  func() time.Time
	wake chan struct{}
	quit chan struct{}
	done chan struct{}

	mu    sync.Mutex
	queue choreQueue          // guarded by mu
	names map[string]struct{} // guarded by mu
}

// The kinds of names.
const (
	choreAhead   = "ahead/"
	choreCount   = "count/"
	choreCache   = "cache/"
	choreOffline = "offline/"
	choreLink    = "link/"
	chorePast    = "past/"
	chorePlain   = "plain/" // one for all
)

type chore struct {
	name string
	at   time.Time
	run  func()
}

func (c *chores) start(now func() time.Time) {
	c.now = now
	c.wake = make(chan struct{}, 1)
	c.quit = make(chan struct{})
	c.done = make(chan struct{})
	c.names = make(map[string]struct{})
	go c.loop()
}

// stop ends the goroutine and waits for it; what was not due yet is dropped.
func (c *chores) stop() {
	close(c.quit)
	<-c.done
}

// later has run called once at has come. Any goroutine, under any lock: run is never called
// from here.
func (c *chores) later(name string, at time.Time, run func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.names[name]; ok {
		return
	}
	c.names[name] = struct{}{}
	heap.Push(&c.queue, chore{name, at, run})
	if c.queue[0].name == name {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

func (c *chores) loop() {
	defer close(c.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		run, wait := c.next()
		if run != nil {
			run()
			select {
			case <-c.quit:
				return // also when there is always more to do
			default:
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.wake:
		case <-c.quit:
			return
		}
	}
}

// next takes the first chore that is due, or says how long to wait for one.
func (c *chores) next() (run func(), wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil, time.Hour
	}
	if wait = c.queue[0].at.Sub(c.now()); wait > 0 {
		return nil, wait
	}
	first := heap.Pop(&c.queue).(chore)
	delete(c.names, first.name)
	return first.run, 0
}

// A choreQueue is a heap, the earliest first.
type choreQueue []chore

func (q choreQueue) Len() int           { return len(q) }
func (q choreQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q choreQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *choreQueue) Push(x any)        { *q = append(*q, x.(chore)) }
func (q *choreQueue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = chore{}
	*q = (*q)[:last]
	return x
}
