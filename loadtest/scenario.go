package main

import (
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
)

// A scenario is a plan to begin with, and what it is good for.
type scenario struct {
	name    string
	summary string
	explain string
	plan    plan.Plan
}

// common is what scenarios change.
var common = plan.Plan{
	Protocol: plan.Pusher,
	Clients:  1000, Channels: 1, PerClient: 1,
	Via: plan.REST, Publishers: 1, Burst: 1, Batch: 1, Payload: 100, Window: 8, Until: plan.UntilAll,
	ChurnHold:      time.Second,
	ConnectTimeout: 2 * time.Minute, Settle: 500 * time.Millisecond,
	Warmup: 2 * time.Second, Duration: 10 * time.Second, Drain: 10 * time.Second,
	Processes: 0, Workers: 1, Sources: -1,
}

func from(change func(p *plan.Plan)) plan.Plan {
	p := common
	change(&p)
	return p
}

// scenarios in the order in which a person may want to try them.
var scenarios = []scenario{
	{
		name: "echo", summary: "one publisher, one subscriber: the floor of latency",
		explain: "Nothing queues, so what is left is the path itself: request, signature, publish, send, wake.",
		plan:    from(func(p *plan.Plan) { p.Clients, p.Rate = 1, 200 }),
	},
	{
		name: "fanout", summary: "many subscribers, few channels",
		explain: "Subscribers are dealt to the channels in turn. With --saturate there is no schedule: each publisher keeps --window messages outstanding, and deliveries a second are the result. Without it latency at --rate is.",
		plan:    from(func(p *plan.Plan) { p.Rate = 20 }),
	},
	{
		name: "ticker", summary: "1000 channels, each client on 20 of them",
		explain: "A market feed. All channels tick at once every second; with --burst 1 the same number is spread evenly.",
		plan: from(func(p *plan.Plan) {
			p.Channels, p.PerClient, p.Publishers, p.Rate, p.Burst, p.Batch = 1000, 20, 4, 1000, 1000, 10
		}),
	},
	{
		name: "idle", summary: "hold many connections that do nothing",
		explain: "With --server-pid the result is bytes per connection: of the process, and of the kernel for both ends.",
		plan: from(func(p *plan.Plan) {
			p.Clients, p.Channels, p.Publishers, p.Settle, p.Warmup = 10_000, 100, 0, 3*time.Second, 0
		}),
	},
	{
		name: "churn", summary: "connect, subscribe, leave, all the time",
		explain: "Latency is from the time at which a connection was due until it is subscribed.",
		plan: from(func(p *plan.Plan) {
			p.Clients, p.Channels, p.Publishers, p.ChurnRate = 0, 100, 0, 500
		}),
	},
	{
		name: "flood", summary: "latency for those who are connected while connections pour in",
		explain: "A few subscribers measure what messages take while others connect and leave at once, at --churn-rate. With an https URL each of those is a TLS handshake; the generator does its half, so on one machine it takes as much processor as the server.",
		plan: from(func(p *plan.Plan) {
			p.Clients, p.Channels, p.Rate, p.ChurnRate, p.ChurnHold = 50, 10, 100, 1000, 0
		}),
	},
	{
		name: "mixed", summary: "a chat: presence rooms, client events, joins and leaves",
		explain: "Every subscriber is a member of one room and now and then says something to the others, by client event; guests come and go.",
		plan: from(func(p *plan.Plan) {
			p.Channels, p.Prefix, p.Via, p.Rate = 50, "presence-", plan.Members, 200
			p.ChurnRate, p.ChurnHold = 20, 5*time.Second
		}),
	},
	{
		name: "soak", summary: "for hours, with a report of what grows",
		explain: "Steady subscribers and publishers, and churn beside them. With --server-pid it ends with lines through memory, descriptors, threads and, with --metrics, goroutines.",
		plan: from(func(p *plan.Plan) {
			p.Channels, p.Publishers, p.Rate, p.Duration = 100, 4, 200, 10*time.Minute
			p.ChurnRate, p.ChurnHold = 20, 10*time.Second
		}),
	},
}
