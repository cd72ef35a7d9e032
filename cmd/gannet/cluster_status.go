package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
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
	Connections *int      `json:"connections"` // null: not known here
	Channels    *int      `json:"channels"`
	Users       *int      `json:"users"`
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
	return statusOf(s.bus.Status(), s.away.Load(), s.engine.Conns(), s.draining.Load())
}

// statusOf puts into words what a bus says, and what is known of this node besides.
func statusOf(from backbone.Status, away int64, connections int, leaving bool) clusterStatus {
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
	for _, n := range from.Nodes {
		node := nodeStatus{ID: n.ID, Name: n.Name, State: "alive", Since: n.Since.UTC()}
		if n.ID == from.Self.ID {
			node.Connections = &connections
			if leaving {
				node.State = "leaving"
			}
		}
		to.Nodes = append(to.Nodes, node)
	}
	for _, d := range from.Details {
		to.Details = append(to.Details, statusDetail{d.Name, d.Value})
	}
	return to
}

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
	fmt.Fprintln(w, "NODE\tSTATE\tUP\tCONNECTIONS\tID")
	for _, n := range status.Nodes {
		name, connections := n.Name, "-"
		if n.ID == status.Self {
			name += " (asked)"
		}
		if n.Connections != nil {
			connections = fmt.Sprint(*n.Connections)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", name, n.State, time.Since(n.Since).Round(time.Second), connections, n.ID)
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
