package report

import "slices"

const (
	// busyLimit is the part of the time above which a worker has no reserve left: what it then
	// measures is its own queue.
	busyLimit = 0.9

	// starvedLimit is the part of the time that a worker may wait for a processor.
	starvedLimit = 0.1
)

func generator(o *Outcome) Generator {
	g := Generator{Processes: o.Plan.Processes, Workers: o.Plan.Crew(), CPUs: []int{}, LateP99: ms(o.Late.Quantile(0.99))}
	for _, w := range o.Workers {
		g.Busiest = max(g.Busiest, ratio(w.CPU.Seconds(), w.Wall.Seconds()))
		g.Starved = max(g.Starved, ratio(w.Wait.Seconds(), w.Wall.Seconds()))
	}
	for _, p := range o.Processes {
		g.User += p.User.Seconds()
		g.System += p.System.Seconds()
		for _, cpu := range p.CPUs {
			if !slices.Contains(g.CPUs, cpu) {
				g.CPUs = append(g.CPUs, cpu)
			}
		}
	}
	slices.Sort(g.CPUs)
	g.Load = ratio(g.User+g.System, o.Elapsed.Seconds()*float64(len(g.CPUs)))
	g.Saturated = g.Busiest >= busyLimit || g.Load >= busyLimit || g.Starved >= starvedLimit
	return g
}
