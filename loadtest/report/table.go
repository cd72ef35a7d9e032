package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Table writes a Result for a terminal, at most 100 columns wide but for the command and marks.
func Table(r *Result) string {
	t := &table{}
	t.line("%s", r.Command)
	t.line("%s", describe(&r.Setup))
	for _, mark := range r.Marks {
		t.line("!! %s", mark)
	}
	if r.Setup.Subscribers > 0 {
		t.connect(r)
	}
	if r.Delivery != nil {
		t.delivery(r.Delivery)
	}
	if r.Churn != nil {
		t.churn(r.Churn)
	}
	if r.Server != nil {
		t.server(r)
	}
	if r.Leak != nil {
		t.leak(r.Leak)
	}
	t.generator(&r.Generator)
	t.problems(r.Problems)
	return t.b.String()
}

// describe says in words what was asked for.
func describe(s *Setup) string {
	text := some(s.Channels, "channel")
	if s.Subscribers > 0 {
		text = some(s.Subscribers, "subscriber") + " on " + text
	}
	if s.PerClient > 1 {
		text += fmt.Sprintf(", %d each", s.PerClient)
	}
	if s.Deaf > 0 {
		text += fmt.Sprintf(", and %s more that never read", count(int64(s.Deaf)))
		if s.DeafRate > 0 {
			text += fmt.Sprintf(" but %s bytes a second", count(int64(s.DeafRate)))
		}
	}
	if s.Publishers > 0 {
		how := map[string]string{"rest": "REST", "client": "client events", "members": "client events of the members"}[s.Via]
		text += "; " + some(s.Publishers, "publisher") + " by " + how
		if s.Window > 0 {
			text += fmt.Sprintf(", %d outstanding each until %s", s.Window, map[string]string{"all": "all have it", "first": "the first has it", "answer": "answered"}[s.Until])
		} else {
			text += fmt.Sprintf(", %s messages/s", quantity(s.Rate))
			if s.Burst > 1 {
				text += fmt.Sprintf(" in bursts of %s", count(int64(s.Burst)))
			}
		}
		text += fmt.Sprintf(", %s B", count(int64(s.Payload)))
	}
	if s.ChurnRate > 0 {
		text += fmt.Sprintf("; %s come and go a second", quantity(s.ChurnRate))
	}
	return text
}

// some writes a number of things.
func some(n int, thing string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(thing, "s"):
		thing += "es"
	default:
		thing += "s"
	}
	return count(int64(n)) + " " + thing
}

// A table is the text as it grows: sections of rows, a name and a value each.
type table struct{ b strings.Builder }

func (t *table) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

func (t *table) section(name string) { t.line("\n%s", name) }

func (t *table) row(name, format string, args ...any) {
	t.line("  %-22s %s", name, fmt.Sprintf(format, args...))
}

// anomaly is a row that draws the eye unless n is 0.
func (t *table) anomaly(name string, n int64) {
	mark := ""
	if n != 0 {
		mark = "  <--"
	}
	t.row(name, "%s%s", count(n), mark)
}

func (t *table) percentiles(name string, p *Percentiles) {
	if p.Count == 0 {
		return
	}
	t.line("\n%-24s %10s %10s %10s %10s %10s %10s", name, "mean", "p50", "p90", "p99", "p99.9", "max")
	t.line("%-24s %10s %10s %10s %10s %10s %10s", "", duration(p.Mean), duration(p.P50), duration(p.P90), duration(p.P99), duration(p.P999), duration(p.Max))
}

func (t *table) connect(r *Result) {
	c := &r.Connect
	t.section("Connecting")
	t.row("subscribed", "%s in %s, %s a second", count(c.Subscribed), duration(c.Seconds*1000), quantity(c.PerSecond))
	if c.Failed > 0 {
		t.anomaly("failed", c.Failed)
	}
	if c.Dropped > 0 {
		t.anomaly("lost later", c.Dropped)
	}
	if c.Join.Count > 0 {
		t.row("time to subscribe", "p50 %s, p99 %s, max %s", duration(c.Join.P50), duration(c.Join.P99), duration(c.Join.Max))
	}
}

func (t *table) delivery(d *Delivery) {
	t.section("Delivery")
	t.row("delivered", "%s a second, %s a second", quantity(d.PerSecond), size(d.BytesPerSecond))
	t.row("published", "%s a second", quantity(d.PublishedPerSecond))
	t.row("frames per read", "%s", threeDigits(d.PerRead))
	t.row("expected", "%s", count(d.Expected))
	t.anomaly("lost", d.Lost)
	t.anomaly("duplicates", d.Duplicates)
	t.anomaly("order violations", d.Disordered)
	for _, rare := range []struct {
		name string
		n    int64
	}{{"stray", d.Stray}, {"refused publishes", d.Refused}, {"unsent", d.Unsent}, {"stalled", d.Stalled}} {
		if rare.n != 0 {
			t.anomaly(rare.name, rare.n)
		}
	}
	name := "Latency from due"
	if d.ClosedLoop {
		name = "Latency from send"
	}
	t.percentiles(name, &d.Latency)
}

func (t *table) churn(c *Churn) {
	t.section("Churn")
	t.row("joined", "%s a second, %s in all", quantity(c.PerSecond), count(c.Joined))
	t.anomaly("rejected", c.Rejected)
	t.anomaly("cut off", c.Cut)
	if c.Abandoned != 0 {
		t.anomaly("never begun", c.Abandoned)
	}
	t.percentiles("Due to subscribed", &c.Join)
}

func (t *table) server(r *Result) {
	s := r.Server
	t.section("Server")
	if s.Cores != nil {
		t.row("processor time", "%.2f s user, %.2f s system: %.2f cores", *s.UserSeconds, *s.SystemSeconds, *s.Cores)
	}
	if s.UserPerM != nil {
		what := "million deliveries"
		if r.Delivery == nil {
			what = "million joins"
		}
		t.row("per "+what, "%s s user, %s s system", threeDigits(*s.UserPerM), threeDigits(*s.SystemPerM))
	}
	if s.RSS != nil && s.RSSBefore != nil {
		t.row("RSS", "%s, %s before the first connection", size(float64(*s.RSS)), size(float64(*s.RSSBefore)))
	}
	if s.PerConn != nil {
		if *s.PerConn > 0 {
			t.row("RSS per connection", "%s", size(*s.PerConn))
		} else {
			t.row("RSS per connection", "not to be seen: the server had memory to spare; start it anew")
		}
	}
	if s.AnonPerConn != nil && *s.AnonPerConn > 0 {
		t.row("  of it anonymous", "%s", size(*s.AnonPerConn))
	}
	if s.SlabPerConn != nil {
		t.row("kernel slab", "%s per connection, both ends", size(*s.SlabPerConn))
	}
	if s.FDs != nil {
		t.row("descriptors", "%s, %d threads", count(int64(*s.FDs)), *s.Threads)
	}
	if s.SendsPer != nil {
		t.row("sends per delivery", "%s", threeDigits(*s.SendsPer))
	}
	if s.FramesPerSend != nil {
		t.row("frames per send", "%s", threeDigits(*s.FramesPerSend))
	}
	if s.Goroutines != nil {
		t.row("goroutines", "%.0f", *s.Goroutines)
	}
}

func (t *table) leak(l *Leak) {
	t.section("Growth per hour")
	t.row("RSS", "%s", size(l.RSSPerHour))
	t.row("descriptors", "%s", threeDigits(l.FDsPerHour))
	t.row("threads", "%s", threeDigits(l.ThreadsPerHour))
	if l.GoroutinesPerHour != nil {
		t.row("goroutines", "%s", threeDigits(*l.GoroutinesPerHour))
	}
	t.row("line through", "%s", duration(l.Hours*3600*1000))
}

func (t *table) generator(g *Generator) {
	t.section("Generator")
	t.row("processor time", "%.2f s user, %.2f s system in %s; allowed on %v", g.User, g.System, some(g.Processes, "process"), g.CPUs)
	verdict := "had reserve"
	if g.Saturated {
		verdict = "NOT GOOD ENOUGH"
	}
	t.row("busiest of "+fmt.Sprint(g.Workers), "%.0f %% computing, %.0f %% waiting for a processor: %s", 100*g.Busiest, 100*g.Starved, verdict)
	if g.LateP99 > 0 {
		t.row("own lateness", "p99 %s", duration(g.LateP99))
	}
}

func (t *table) problems(problems map[string]int64) {
	if len(problems) == 0 {
		return
	}
	t.section("Problems")
	for _, text := range slices.SortedFunc(maps.Keys(problems), func(a, b string) int {
		if problems[a] != problems[b] {
			return int(problems[b] - problems[a])
		}
		return strings.Compare(a, b)
	}) {
		t.line("  %8s × %s", count(problems[text]), text)
	}
}
