package natsbus

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// Servers that keep streams vote, also on where streams are, and a vote of one that is lost for good can never be cast. So when another
// one, with an address of its own or the lost one's, has come in its place, the lost one is removed from those that vote, and JetStream makes
// the copies that it had anew. That it is lost for good follows from the configuration: there are as many as routes lists, and it is
// not among them.

// strayFor is how long that has to be so: longer than a restart takes in which routes become more.
const strayFor = 5 * time.Minute

// lookAtPeers sees to who votes and who keeps the board. It is called from time to time.
func (b *Bus) lookAtPeers() {
	if b.server == nil || len(b.config.Embedded.Routes) < 3 {
		return
	}
	if info, err := b.ask("INFO", b.boardStream(), nil); err == nil {
		b.health.kept(info.names())
	}
	if !b.config.Embedded.stores() || !b.server.server.JetStreamIsLeader() {
		b.stray = time.Time{}
		return
	}
	info, err := b.server.server.Jsz(nil)
	if err != nil || info.Meta == nil {
		return
	}
	remotes := b.server.remotes()
	present, peer, name := 1, "", ""
	for _, r := range info.Meta.Replicas {
		if remotes[r.Name] {
			present++
		} else {
			peer, name = r.Peer, r.Name
		}
	}
	if peer == "" || present < len(b.config.Embedded.Routes) {
		b.stray = time.Time{}
		return
	}
	now := time.Now()
	if b.stray.IsZero() {
		b.stray = now
	}
	if now.Sub(b.stray) < b.strayFor {
		return
	}
	if err := b.server.remove(peer); err != nil {
		b.log.Debug("a server that is gone could not be removed from those that keep data", "server", name, "error", err)
		return
	}
	b.log.Info("a server that is gone was removed from those that keep data, since as many as routes lists are there without it", "server", name)
}

// remove has a server no longer be one of those that vote. Only the one that leads them can.
func (s *embedded) remove(peer string) error {
	c, err := nats.Connect("", nats.InProcessServer(s.server), nats.Token(s.system), nats.NoReconnect())
	if err != nil {
		return err
	}
	defer c.Close()
	body, _ := json.Marshal(struct {
		Peer string `json:"peer_id"`
	}{peer})
	m, err := c.Request("$JS.API.SERVER.REMOVE", body, 5*time.Second)
	if err != nil {
		return err
	}
	var answer struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return fmt.Errorf("answer to a removal: %w", err)
	}
	if answer.Error != nil {
		return answer.Error
	}
	return nil
}

// reaches reports whether a server that is connected with remotes can reach enough of those that keep the board, for it to be written: most of
// them when it is one itself, else any.
func reaches(self string, keepers []string, remotes map[string]bool) bool {
	if len(keepers) == 0 {
		return true // that is not known
	}
	n := 0
	for _, name := range keepers {
		if remotes[name] {
			n++
		}
	}
	if slices.Contains(keepers, self) {
		return n+1 > len(keepers)/2
	}
	return n > 0
}
