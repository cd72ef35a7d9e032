package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
)

// options are what a command line asks for.
type options struct {
	plan                 plan.Plan
	urls, pids, metrics  string
	json, svg            string
	own, strict, quietly bool
	command              string
}

// errHelp means that help was asked for and given.
var errHelp = errors.New("help was asked for")

// parse reads a command line. It writes help to out when that is asked for, and returns errHelp.
func parse(out io.Writer, args []string) (*options, error) {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "--help", "-help"}, args[0]) {
		writeHelp(out)
		return nil, errHelp
	}
	i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == args[0] })
	if i < 0 {
		return nil, fmt.Errorf("there is no scenario %q; there are %s", args[0], strings.Join(names(), ", "))
	}
	s := &scenarios[i]
	o := &options{plan: s.plan}
	o.plan.Scenario = s.name
	o.plan.Run = strconv.FormatUint(uint64(rand.Uint32()), 36)
	flags, via := o.flags()
	if err := flags.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			writeScenarioHelp(out, s, flags)
			return nil, errHelp
		}
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	set := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { set[f.Name] = true })
	o.command = commandLine(args)
	return o, o.settle(*via, set)
}

// flags returns the flags of all scenarios, with the scenario's numbers as defaults.
func (o *options) flags() (flags *flag.FlagSet, via *string) {
	p := &o.plan
	flags = flag.NewFlagSet("loadtest "+p.Scenario, flag.ContinueOnError)
	flags.SetOutput(io.Discard)

	flags.StringVar(&o.urls, "url", or(os.Getenv("GANNET_URL"), "http://127.0.0.1:6001"), "server `URL`; several nodes separated by commas share the connections")
	flags.StringVar((*string)(&p.Protocol), "protocol", string(p.Protocol), "what the server speaks: pusher, or centrifuge, which is Centrifugo's JSON")
	flags.StringVar(&p.AppID, "id", "app-id", "app id")
	flags.StringVar(&p.Key, "key", or(os.Getenv("GANNET_KEY"), "app-key"), "app key")
	flags.StringVar(&p.Secret, "secret", or(os.Getenv("GANNET_SECRET"), "app-secret"), "app secret; better in GANNET_SECRET")
	flags.BoolVar(&o.own, "i-own-this-server", false, "allow a server that is not on this machine")

	flags.IntVar(&p.Clients, "subscribers", p.Clients, "steady subscribers")
	flags.IntVar(&p.Channels, "channels", p.Channels, "channels")
	flags.IntVar(&p.PerClient, "per-client", p.PerClient, "channels that each subscriber is on")
	flags.IntVar(&p.Deaf, "deaf", p.Deaf, "connections beside them that subscribe and never read again; nothing is expected of them")
	flags.IntVar(&p.DeafRate, "deaf-rate", p.DeafRate, "bytes a second that each of those reads all the same")
	flags.StringVar(&p.Prefix, "prefix", p.Prefix, "prefix of the channel names, such as private- or presence-")
	via = flags.String("via", string(p.Via), "publish by rest, client (client events of conns of their own) or members (of the subscribers)")
	flags.IntVar(&p.Publishers, "publishers", p.Publishers, "publishers")
	flags.Float64Var(&p.Rate, "rate", p.Rate, "messages a second, of all publishers together")
	flags.IntVar(&p.Burst, "burst", p.Burst, "messages that fall due at the same instant")
	flags.IntVar(&p.Batch, "batch", p.Batch, "most messages in one request; above 1 they go to batch_events")
	flags.IntVar(&p.Payload, "payload", p.Payload, "bytes of data in a message")
	flags.BoolVar(&p.Saturate, "saturate", p.Saturate, "no schedule: keep --window messages of each publisher outstanding")
	flags.IntVar(&p.Window, "window", p.Window, "messages outstanding per publisher, with --saturate")
	flags.StringVar((*string)(&p.Until), "until", string(p.Until), "a message is outstanding until all its subscribers have it, the first has, or the server gave its answer")
	flags.Float64Var(&p.ChurnRate, "churn-rate", p.ChurnRate, "connections a second that come and go")
	flags.DurationVar(&p.ChurnHold, "churn-hold", p.ChurnHold, "how long those stay")

	flags.DurationVar(&p.Duration, "duration", p.Duration, "measured window")
	flags.DurationVar(&p.Warmup, "warmup", p.Warmup, "traffic before it that is not measured")
	flags.DurationVar(&p.Settle, "settle", p.Settle, "pause after connecting, before traffic")
	flags.DurationVar(&p.Drain, "drain", p.Drain, "most to wait for stragglers afterwards")
	flags.DurationVar(&p.Interval, "interval", p.Interval, "grain of the time line; 0 chooses")
	flags.DurationVar(&p.ConnectTimeout, "connect-timeout", p.ConnectTimeout, "most until all subscribers are there")
	flags.Float64Var(&p.ConnectRate, "connect-rate", p.ConnectRate, "subscribers that connect a second; 0: as fast as they are answered")
	flags.BoolVar(&p.Eager, "eager", p.Eager, "send subscriptions with the opening request (public channels; not every server takes it)")

	flags.IntVar(&p.Processes, "processes", p.Processes, "processes of the generator; 0: one per 19,000 connections")
	flags.IntVar(&p.Workers, "workers", p.Workers, "threads per process")
	flags.IntVar(&p.Sources, "sources", p.Sources, "source addresses 127.0.0.1 and up; 0: the kernel's choice; -1: one per 10,000 connections")

	flags.StringVar(&o.pids, "server-pid", "", "`PID` of the server, or several separated by commas: its processor time and memory")
	flags.StringVar(&o.metrics, "metrics", "", "`URL` of the server's metrics, for Gannet http://127.0.0.1:9601/metrics")
	flags.StringVar(&o.json, "json", "", "write the result as JSON to `FILE`; - is the standard output, without the table")
	flags.StringVar(&o.svg, "svg", "", "draw the result into `FILE`")
	flags.BoolVar(&o.strict, "strict", false, "exit with 3 when anything was lost, repeated or out of order, or the result is marked")
	flags.BoolVar(&o.quietly, "quiet", false, "no progress")
	return flags, via
}

// settle completes the plan with what follows from the rest of it, and checks it.
func (o *options) settle(via string, set map[string]bool) (err error) {
	p := &o.plan
	p.Via = plan.Via(via)
	if p.Protocol == plan.Centrifuge && !set["via"] && p.Via == plan.REST {
		p.Via, p.Batch = plan.ClientEvents, 1
	}
	switch p.Via {
	case plan.REST:
	case plan.ClientEvents:
		if !set["prefix"] && !plan.Authorized(p.Prefix) {
			p.Prefix = "private-"
		}
	case plan.Members:
		if set["publishers"] {
			return errors.New("with --via members the publishers are the subscribers; leave --publishers out")
		}
		if !set["prefix"] && !plan.Authorized(p.Prefix) {
			p.Prefix = "presence-"
		}
		p.Publishers = p.Clients
		p.Channels = max(min(p.Channels, p.Clients), 1)
	default:
		return fmt.Errorf("--via is %q; it must be rest, client or members", via)
	}
	if set["channels"] && !set["per-client"] {
		p.PerClient = min(p.PerClient, p.Channels)
	}
	if p.Targets, err = targets(o.urls, o.own); err != nil {
		return err
	}
	p.Interval = interval(p)
	p.Duration = whole(p.Duration, p.Interval)
	p.Warmup = whole(p.Warmup, p.Interval)
	if err := o.share(); err != nil {
		return err
	}
	return p.Check()
}

// interval chooses the grain of the time line: some hundred steps, none shorter than a tenth of a
// second or, when nobody asked for it, longer than ten.
func interval(p *plan.Plan) time.Duration {
	if p.Interval > 0 {
		return p.Interval
	}
	step := min(max(p.Duration/100, 100*time.Millisecond), 10*time.Second)
	return step.Round(100 * time.Millisecond)
}

// whole rounds d up to a multiple of step.
func whole(d, step time.Duration) time.Duration { return (d + step - 1) / step * step }

func names() (all []string) {
	for i := range scenarios {
		all = append(all, scenarios[i].name)
	}
	return all
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// commandLine is what to type to repeat the run; the secret is not.
func commandLine(args []string) string {
	words := []string{"loadtest"}
	hide := false
	for _, arg := range args {
		name, _, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case hide:
			arg, hide = "…", false
		case strings.HasPrefix(arg, "-") && name == "secret" && given:
			arg = "--secret=…"
		case strings.HasPrefix(arg, "-") && name == "secret":
			hide = true
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}
