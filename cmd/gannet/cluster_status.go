package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/admin"
	"github.com/gannet-io/gannet/pusher/fleet"
)

// A clusterStatus is the cluster as one node sees it, in JSON. docs/admin-api.md describes it.
type clusterStatus struct {
	Driver string     `json:"driver"`
	State  string     `json:"state"` // alone, connected, away
	Reason string     `json:"reason,omitempty"`
	Self   string     `json:"self"`
	Since  *time.Time `json:"since,omitempty"`

	Nodes   []nodeStatus   `json:"nodes"`
	Details []statusDetail `json:"details,omitempty"`
	Counts  *statusCounts  `json:"counts,omitempty"`
}

type nodeStatus struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	State       string    `json:"state"`
	Since       time.Time `json:"since"`
	Connections *int      `json:"connections"` // null, as all that follows: not known here
	Channels    *int      `json:"channels"`
	Users       *int      `json:"users"`

	Subscriptions *int       `json:"subscriptions"`
	MessagesIn    *float64   `json:"messages_in_per_s"`
	MessagesOut   *float64   `json:"messages_out_per_s"`
	Published     *float64   `json:"published_per_s"`
	Memory        *float64   `json:"memory_bytes"`
	Lag           *float64   `json:"loop_lag_ms"`
	CPU           *float64   `json:"cpu"`
	Backlog       *float64   `json:"backlog_bytes"`
	Version       *string    `json:"version"`
	Started       *time.Time `json:"started"`
	Ready         *bool      `json:"ready"`
	NotReady      *string    `json:"reason"`
	HooksQueued   *int       `json:"hooks_queued"`
	HooksFailing  *int       `json:"hooks_failing"`
	DeadLetters   *int       `json:"dead_letters"`
	Console       *string    `json:"console"`  // null also where nobody can know
	Heard         *int64     `json:"heard_ms"` // how old all that is
}

type statusDetail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type statusCounts struct {
	In         uint64 `json:"in"`
	Out        uint64 `json:"out"`
	InBytes    uint64 `json:"in_bytes"`
	OutBytes   uint64 `json:"out_bytes"`
	Changes    uint64 `json:"changes"`
	Reconnects uint64 `json:"reconnects"`
	Rejoins    uint64 `json:"rejoins"`
	Refetched  uint64 `json:"refetched"`
	Waiting    int    `json:"waiting"`
}

// The states of a clusterStatus.
const (
	stateAlone     = "alone"
	stateConnected = "connected"
	stateAway      = "away"
)

// clusterStatus says how the cluster is, as this node sees it.
func (s *server) clusterStatus() clusterStatus {
	if s.bus == nil {
		return clusterStatus{Driver: driverNone, State: stateAlone, Nodes: []nodeStatus{}}
	}
	return statusOf(s.bus.Status(), s.away.Load(), s.fleet.Nodes())
}

// statusOf puts into words what a bus says, and what nodes have said of themselves.
func statusOf(from backbone.Status, away int64, nodes []fleet.Node) clusterStatus {
	to := clusterStatus{
		Driver: from.Driver, State: stateConnected, Reason: from.Reason, Self: from.Self.ID, Nodes: []nodeStatus{},
		Counts: &statusCounts{
			In: from.In, Out: from.Out, InBytes: from.BytesIn, OutBytes: from.BytesOut, Changes: from.Entries,
			Reconnects: from.Reconnects, Rejoins: from.Rejoins, Refetched: from.Refetched, Waiting: from.Waiting,
		},
	}
	switch {
	case !from.Up:
		to.State = stateAway
		if away != 0 {
			since := time.Unix(0, away).UTC()
			to.Since = &since
		}
	case from.Self.ID != "":
		since := from.Self.Since.UTC()
		to.Since = &since
	}
	for i := range nodes {
		to.Nodes = append(to.Nodes, statusOfNode(&nodes[i]))
	}
	slices.SortFunc(to.Nodes, func(a, b nodeStatus) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
	for _, d := range from.Details {
		to.Details = append(to.Details, statusDetail{d.Name, d.Value})
	}
	return to
}

func statusOfNode(n *fleet.Node) nodeStatus {
	to := nodeStatus{ID: n.ID, Name: n.Name, State: stateAlive, Since: n.Since.UTC()}
	v := n.Vitals
	if v == nil {
		return to
	}
	started, heard := time.UnixMilli(v.Started).UTC(), n.Age.Milliseconds()
	to.Connections, to.Channels, to.Users, to.Subscriptions = &v.Connections, &v.Channels, &v.Users, &v.Subscriptions
	to.MessagesIn, to.MessagesOut, to.Published = &v.MessagesIn, &v.MessagesOut, &v.Published
	to.Memory, to.Lag, to.CPU, to.Backlog = &v.Memory, &v.Lag, &v.CPU, &v.Backlog
	to.Version, to.Started, to.Ready, to.NotReady = &v.Version, &started, &v.Ready, &v.Reason
	to.HooksQueued, to.HooksFailing, to.DeadLetters, to.Heard = &v.HooksQueued, &v.HooksFailing, &v.DeadLetters, &heard
	if address := admin.ConsoleOf(n, hostname()); address != "" {
		to.Console = &address
	}
	switch {
	case n.Age > silentAfter:
		to.State = stateSilent
	case v.Draining:
		to.State = stateLeaving
	case !v.Ready:
		to.State = stateNotReady
	}
	return to
}

// The states of a nodeStatus.
const (
	stateAlive    = "alive"
	stateLeaving  = "leaving"
	stateNotReady = "not_ready"
	stateSilent   = "silent" // nothing was heard of it lately
)

// silentAfter is how old a summary is when more than one after it has got lost.
const silentAfter = 7 * time.Second

// serveCluster answers GET /api/cluster.
func (s *server) serveCluster(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = w.Write([]byte(`{"error":"only GET is answered here","code":"method_not_allowed"}` + "\n")) // who asked may have gone
		return
	}
	if r.URL.Path != "/api/cluster" {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error":"there is nothing here","code":"not_found"}` + "\n"))
		return
	}
	_ = json.NewEncoder(w).Encode(s.clusterStatus())
}

// clusterCommand groups what operators do about a cluster.
type clusterCommand struct {
	Status clusterStatusCommand `cmd:"" help:"Say which nodes there are, and how the backbone is."`
}

type clusterStatusCommand struct{ office }

// Help is shown by "gannet cluster status --help" between the summary and the flags.
func (*clusterStatusCommand) Help() string {
	return `Asks the admin listener of a node for the cluster as that node sees it. Exits 1 when it cannot reach the backbone.

Examples:

  gannet cluster status
  gannet cluster status --admin http://10.0.0.2:9601
  gannet cluster status --json`
}

// Run prints a line for each node, and what the driver has to say.
func (c *clusterStatusCommand) Run(t *terminal) error {
	var status clusterStatus
	if done, err := c.ask(t, "GET", "/api/cluster", nil, &status); done || err != nil {
		return err
	}
	if status.State == stateAlone {
		_, err := fmt.Fprintln(t.out, "this server is alone: cluster.driver is none")
		return err
	}
	fmt.Fprintf(t.out, "driver  %s\nstate   %s\n", status.Driver, status.State)
	if status.Reason != "" {
		fmt.Fprintf(t.out, "reason  %s\n", status.Reason)
	}
	fmt.Fprintln(t.out)
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSTATE\tUP\tCONNECTIONS\tIN/S\tOUT/S\tMEMORY\tLAG\tVERSION\tHEARD\tID")
	for i := range status.Nodes {
		n := &status.Nodes[i]
		name := n.Name
		if n.ID == status.Self {
			name += " (asked)"
		}
		up := n.Since
		if n.Started != nil {
			up = *n.Started
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, n.State, time.Since(up).Round(time.Second),
			orDash(n.Connections, func(n int) string { return fmt.Sprint(n) }), orDash(n.MessagesIn, perSecond), orDash(n.MessagesOut, perSecond),
			orDash(n.Memory, func(n float64) string { return fmt.Sprintf("%.0f MiB", n/(1<<20)) }), orDash(n.Lag, func(ms float64) string { return fmt.Sprintf("%.1f ms", ms) }),
			orDash(n.Version, func(v string) string { return v }), orDash(n.Heard, func(ms int64) string { return fmt.Sprintf("%.1fs ago", float64(ms)/1000) }), n.ID)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if s := status.Counts; s != nil {
		fmt.Fprintf(t.out, "\n%d messages in, %d out; %d changes of the board; %d reconnects, %d rejoins, %d refetched; %d waiting\n",
			s.In, s.Out, s.Changes, s.Reconnects, s.Rejoins, s.Refetched, s.Waiting)
	}
	if len(status.Details) > 0 {
		fmt.Fprintln(t.out)
		w = tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		for _, d := range status.Details {
			fmt.Fprintf(w, "%s\t%s\n", d.Name, d.Value)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if status.State == stateAway {
		return fmt.Errorf("the node cannot reach the backbone")
	}
	return nil
}

// orDash returns what say says of what is known, or a dash.
func orDash[T any](known *T, say func(T) string) string {
	if known == nil {
		return "-"
	}
	return say(*known)
}

func perSecond(n float64) string { return fmt.Sprintf("%.0f", n) }
