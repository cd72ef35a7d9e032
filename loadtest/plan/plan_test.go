package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
)

func sound() plan.Plan {
	return plan.Plan{
		Targets: []plan.Target{{Address: "127.0.0.1:6001"}}, Clients: 10, Channels: 4, PerClient: 1,
		Via: plan.REST, Publishers: 2, Rate: 10, Burst: 1, Batch: 1, Payload: 100, Window: 1,
		Duration: time.Second, Interval: time.Second, Processes: 1, Workers: 1,
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	good := sound()
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*plan.Plan){
		"payload":              func(p *plan.Plan) { p.Payload = plan.StampBytes - 1 },
		"subscribers":          func(p *plan.Plan) { p.Clients = -1 },
		"only 4":               func(p *plan.Plan) { p.PerClient = 5 },
		"no server":            func(p *plan.Plan) { p.Targets = nil },
		"private or presence":  func(p *plan.Plan) { p.Via = plan.ClientEvents },
		"must be publishers":   func(p *plan.Plan) { p.Saturate, p.Publishers = true, 0 },
		"one channel each":     func(p *plan.Plan) { p.Via, p.Prefix, p.PerClient = plan.Members, "presence-", 2 },
		"cannot be batched":    func(p *plan.Plan) { p.Via, p.Prefix, p.Batch = plan.ClientEvents, "private-", 2 },
		"duration (seconds)":   func(p *plan.Plan) { p.Duration = 0 },
		"must be from 1 to 25": func(p *plan.Plan) { p.Processes = 0 },
	} {
		p := sound()
		spoil(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want something about %q", err, want)
		}
	}
}

func TestSharesCoverEverythingOnce(t *testing.T) {
	p := plan.Plan{Processes: 3, Workers: 2}
	at := 0
	for worker := range p.Crew() {
		low, high := p.Share(20, worker)
		if low != at || high < low {
			t.Errorf("worker %d has [%d, %d), want it to begin at %d", worker, low, high, at)
		}
		at = high
	}
	if at != 20 {
		t.Errorf("shares end at %d, want 20", at)
	}
}

func TestMembersDoNotGetTheirOwn(t *testing.T) {
	p := sound()
	if got := p.Reach(7); got != 7 {
		t.Errorf("REST reaches %d of 7", got)
	}
	p.Via = plan.Members
	if got := p.Reach(7); got != 6 {
		t.Errorf("a member reaches %d of 7, want 6", got)
	}
}
