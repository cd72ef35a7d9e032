package report_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/probe"
	"github.com/gannet-io/gannet/loadtest/report"
	"github.com/gannet-io/gannet/loadtest/tally"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// outcome is that of a run of 10 s with round numbers: 1000 subscribers, 20 messages a second,
// latencies of 1 to 100 ms, a server that used 2 s and 14 s.
func outcome() *report.Outcome {
	o := &report.Outcome{
		Plan: &plan.Plan{
			Scenario: "fanout", Targets: []plan.Target{{Host: "127.0.0.1:6001"}}, Clients: 1000, Channels: 1, PerClient: 1,
			Via: plan.REST, Publishers: 1, Rate: 20, Burst: 1, Batch: 1, Payload: 100,
			Duration: 10 * time.Second, Interval: 5 * time.Second, Processes: 1, Workers: 1,
		},
		Command:   "loadtest fanout --svg <a&b>.svg",
		Began:     noon,
		SetupTime: 100 * time.Millisecond,
		SetupJoin: tally.NewHistogram(), Latency: tally.NewHistogram(), Join: tally.NewHistogram(), Late: tally.NewHistogram(),
		Elapsed: 10 * time.Second,
		Total:   tally.Counts{Opened: 1000, Joined: 1000, Received: 240_000, Published: 240, Expected: 240_000},
		Window:  tally.Counts{Received: 200_000, Published: 200, Expected: 200_000, Bytes: 30_720_000, Reads: 100_000},
		Workers: []report.Worker{{CPU: 2 * time.Second, Wait: 100 * time.Millisecond, Wall: 10 * time.Second}},
		Processes: []report.Process{
			{User: time.Second, System: 2 * time.Second, CPUs: []int{1}},
		},
		Before:  &probe.Reading{At: noon, Process: &probe.Process{RSS: 20 << 20, Anonymous: 10 << 20}, Slab: 100 << 20},
		Settled: &probe.Reading{At: noon, Process: &probe.Process{RSS: 21 << 20, Anonymous: 11 << 20}, Slab: 108 << 20},
		Begin: &probe.Reading{At: noon, Process: &probe.Process{User: time.Second, System: time.Second, RSS: 21 << 20, FDs: 1010, Threads: 7},
			Metrics: map[string]float64{probe.Sends: 1000, probe.FramesOut: 1000, probe.Deliveries: 1000}},
		End: &probe.Reading{At: noon.Add(10 * time.Second), Process: &probe.Process{User: 3 * time.Second, System: 15 * time.Second, RSS: 22 << 20, FDs: 1010, Threads: 7},
			Metrics: map[string]float64{probe.Sends: 101_000, probe.FramesOut: 201_000, probe.Deliveries: 201_000}},
	}
	part := tally.NewHistogram()
	for ms := int64(1); ms <= 100; ms++ {
		part.Record(ms * 1e6)
	}
	half := part.Take()
	o.Latency.Merge(half)
	o.Intervals = []report.Interval{
		{Counts: tally.Counts{Received: 100_000, Published: 100}, Latency: []tally.Sparse{half}},
		{Counts: tally.Counts{Received: 50_000, Published: 100}, Latency: []tally.Sparse{half, half}},
	}
	for second := 5; second <= 10; second += 5 {
		o.Readings = append(o.Readings, probe.Reading{At: noon.Add(time.Duration(second) * time.Second),
			Process: &probe.Process{User: time.Duration(second) * time.Second, System: 2 * time.Second, RSS: 21 << 20}})
	}
	return o
}

func near(got, want float64) bool { return got >= want*0.998 && got <= want*1.002 }

func TestSummaryIsTheArithmeticOfTheOutcome(t *testing.T) {
	r := report.Summarize(outcome())
	for name, pair := range map[string][2]float64{
		"delivered/s":            {r.Delivery.PerSecond, 20_000},
		"published/s":            {r.Delivery.PublishedPerSecond, 20},
		"frames per read":        {r.Delivery.PerRead, 2},
		"p50":                    {r.Delivery.Latency.P50, 50},
		"p99":                    {r.Delivery.Latency.P99, 99},
		"max":                    {r.Delivery.Latency.Max, 100},
		"user per million":       {*r.Server.UserPerM, 10},   // 2 s for 200,000
		"system per million":     {*r.Server.SystemPerM, 70}, // 14 s for 200,000
		"cores":                  {*r.Server.Cores, 1.6},
		"RSS per conn":           {*r.Server.PerConn, 1048.576}, // 1 MiB for 1000
		"slab per conn":          {*r.Server.SlabPerConn, 8388.608},
		"sends per delivery":     {*r.Server.SendsPer, 0.5},
		"frames per send":        {*r.Server.FramesPerSend, 2},
		"connects/s":             {r.Connect.PerSecond, 10_000},
		"generator's busiest":    {r.Generator.Busiest, 0.2},
		"generator's load":       {r.Generator.Load, 0.3},
		"first interval":         {r.Timeline[0].Delivered, 20_000},
		"second interval":        {r.Timeline[1].Delivered, 10_000},
		"second interval at":     {r.Timeline[1].Second, 5},
		"second interval's p50":  {r.Timeline[1].P50, 50},
		"cores in the first":     {*r.Timeline[0].Cores, 1}, // 5+2-1-1 s in 5 s
		"cores in the second":    {*r.Timeline[1].Cores, 1},
		"curve begins at":        {r.Delivery.Curve[0].Ms, 1},
		"curve ends at its nine": {r.Delivery.Curve[len(r.Delivery.Curve)-1].At, 0.99},
	} {
		if !near(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	if !r.Clean() || len(r.Marks) != 0 {
		t.Errorf("clean %v, marks %q", r.Clean(), r.Marks)
	}
}

func TestResultThatCannotBeTrustedIsMarked(t *testing.T) {
	for want, spoil := range map[string]func(o *report.Outcome){
		"SATURATED GENERATOR: a worker": func(o *report.Outcome) { o.Workers[0].CPU = 9 * time.Second },
		"SATURATED GENERATOR: it used":  func(o *report.Outcome) { o.Processes[0].User = 8 * time.Second },
		"STARVED":                       func(o *report.Outcome) { o.Workers[0].Wait = time.Second },
		"BEHIND":                        func(o *report.Outcome) { o.Total.Unsent = 1 },
		"INCOMPLETE":                    func(o *report.Outcome) { o.Total.Failed = 1 },
		"INTERRUPTED":                   func(o *report.Outcome) { o.Interrupted = true },
	} {
		o := outcome()
		spoil(o)
		r := report.Summarize(o)
		if len(r.Marks) != 1 || !strings.HasPrefix(r.Marks[0], want) || r.Clean() {
			t.Errorf("marks %q, clean %v; want one that begins with %q", r.Marks, r.Clean(), want)
		}
		if !strings.Contains(report.Table(r), "!! "+want) || !strings.Contains(string(report.SVG(r)), want) {
			t.Errorf("%s: not in the table, or not in the picture", want)
		}
	}
}

func TestAnythingLostIsNotClean(t *testing.T) {
	for name, spoil := range map[string]func(c *tally.Counts){
		"lost":      func(c *tally.Counts) { c.Received-- },
		"twice":     func(c *tally.Counts) { c.Received++; c.Duplicates++ },
		"disorder":  func(c *tally.Counts) { c.Disordered++ },
		"stray":     func(c *tally.Counts) { c.Received++; c.Stray++ },
		"refused":   func(c *tally.Counts) { c.Refused++ },
		"conn lost": func(c *tally.Counts) { c.Dropped++ },
	} {
		o := outcome()
		spoil(&o.Total)
		if report.Summarize(o).Clean() {
			t.Errorf("%s: the result is clean", name)
		}
	}
}

func TestLeakIsTheLineThroughTheLastTwoThirds(t *testing.T) {
	o := outcome()
	o.Plan.Scenario = "soak"
	o.Readings = nil
	for second := range 10 {
		p := &probe.Process{RSS: 500 << 20, FDs: 5, Threads: 7} // whatever it is at first
		if second >= 4 {
			p.RSS, p.FDs = int64(second)<<20, 10 // 1 MiB a second
		}
		o.Readings = append(o.Readings, probe.Reading{At: noon.Add(time.Duration(second) * time.Second), Process: p,
			Metrics: map[string]float64{probe.Goroutines: float64(20 + 2*second)}})
	}
	l := report.Summarize(o).Leak
	if l == nil || !near(l.RSSPerHour, 3600<<20) || l.FDsPerHour != 0 || !near(*l.GoroutinesPerHour, 7200) || !near(l.Hours*3600, 5) {
		t.Errorf("got %+v", l)
	}
}

func TestTableSaysItAll(t *testing.T) {
	o := outcome()
	o.Total.Received -= 3
	o.Problems = map[string]int64{"publish: HTTP 413": 2, "read: connection reset": 7}
	const want = `loadtest fanout --svg <a&b>.svg
1,000 subscribers on 1 channel; 1 publisher by REST, 20 messages/s, 100 B

Connecting
  subscribed             1,000 in 100 ms, 10k a second

Delivery
  delivered              20k a second, 2.93 MiB a second
  published              20 a second
  frames per read        2
  expected               240,000
  lost                   3  <--
  duplicates             0
  order violations       0

Latency from due               mean        p50        p90        p99      p99.9        max
                            50.5 ms    50.0 ms    90.0 ms    99.0 ms     100 ms     100 ms

Server
  processor time         2.00 s user, 14.00 s system: 1.60 cores
  per million deliveries 10 s user, 70 s system
  RSS                    22.00 MiB, 20.00 MiB before the first connection
  RSS per connection     1.02 KiB
    of it anonymous      1.02 KiB
  kernel slab            8.19 KiB per connection, both ends
  descriptors            1,010, 7 threads
  sends per delivery     0.5
  frames per send        2

Generator
  processor time         1.00 s user, 2.00 s system in 1 process; allowed on [1]
  busiest of 1           20 % computing, 1 % waiting for a processor: had reserve

Problems
         7 × read: connection reset
         2 × publish: HTTP 413
`
	if got := report.Table(report.Summarize(o)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPictureIsWellFormedWhateverItShows(t *testing.T) {
	empty := outcome()
	empty.Latency, empty.Intervals, empty.Begin, empty.Readings = tally.NewHistogram(), nil, nil, nil
	idle := outcome()
	idle.Plan.Scenario, idle.Plan.Publishers, idle.Intervals = "idle", 0, make([]report.Interval, 2)
	churn := outcome()
	churn.Plan.Scenario, churn.Plan.Publishers, churn.Plan.ChurnRate = "churn", 0, 100
	churn.Join = churn.Latency
	churn.Command = "bytes that XML cannot hold: \x00\x07\xff\ufffe ]]> &amp;"
	for name, o := range map[string]*report.Outcome{"fanout": outcome(), "empty": empty, "idle": idle, "churn": churn} {
		picture := report.SVG(report.Summarize(o))
		decoder := xml.NewDecoder(strings.NewReader(string(picture)))
		decoder.Strict = true
		elements := 0
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, picture)
				break
			}
			if start, ok := token.(xml.StartElement); ok {
				elements++
				for _, a := range start.Attr {
					if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
						t.Errorf("%s: %s has %s=%q", name, start.Name.Local, a.Name.Local, a.Value)
					}
				}
			}
		}
		if elements < 10 {
			t.Errorf("%s: only %d elements", name, elements)
		}
	}
}

func TestResultSurvivesJSON(t *testing.T) {
	r := report.Summarize(outcome())
	document, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back report.Result
	if err := json.Unmarshal(document, &back); err != nil {
		t.Fatal(err)
	}
	if report.Table(&back) != report.Table(r) {
		t.Errorf("the table of what came back differs:\n%s", report.Table(&back))
	}
}
