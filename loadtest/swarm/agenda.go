package swarm

// A task is something to do at a time.
type task struct {
	at   int64 // nanoseconds of the monotonic clock
	do   duty
	slot int32  // the publisher or conn it is about
	mark uint32 // the conn's generation
}

type duty uint8

const (
	dutyPublish duty = iota // slot: a publisher
	dutyReopen              // slot: a publisher
	dutyArrive              // open the next churning conn
	dutyLeave               // slot and mark: a churning conn
	dutySample
	dutyTidy
	dutyMeter
	dutySip // slot and mark: a deaf conn
)

// An agenda is a heap of tasks, the earliest on top.
type agenda []task

func (a *agenda) push(t task) {
	h := append(*a, t)
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= t.at {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = t
	*a = h
}

// pop removes and returns the earliest task. The agenda must not be empty.
func (a *agenda) pop() task {
	h := *a
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].at < h[child].at {
			child++
		}
		if last.at <= h[child].at {
			break
		}
		h[i] = h[child]
		i = child
	}
	if len(h) > 0 {
		h[i] = last
	}
	*a = h
	return top
}
