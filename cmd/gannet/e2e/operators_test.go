//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// told is what is awaited of a live stream: lines that have all of some parts.
func told(t *testing.T, s *server, query string, start func(), want ...[]string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.admin+"/api/live"+query, nil)
	check(t, err)
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	seen := 0
	for lines.Scan() {
		line := lines.Text()
		if strings.Contains(line, `"left_out"`) {
			// The others hear of the wish within its second repetition.
			if seen++; seen == 3 {
				start()
			}
			continue
		}
		want = slices.DeleteFunc(want, func(parts []string) bool {
			return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
		})
		if len(want) == 0 {
			return
		}
	}
	t.Errorf("never told of %q: %v", want, lines.Err())
}

func TestOperatorsSeeTheWholeCluster(t *testing.T) {
	eachDriver(t, func(t *testing.T, bus func(n int) func(int) string) {
		f := startFleet(t, 3, bus(3))
		ask := func(i int) *operator { return &operator{t, f.nodes[i]} }
		room, news := fresh("presence-room"), fresh("news")
		member := `{"user_id":"u1"}`
		c := f.hear(1)

		// What happens on two other nodes, on channels of which nobody is on the one that is asked.
		told(t, f.nodes[0], "?app="+hooked.ID, func() {
			c.in(news)
			c.in(room, member)
			eventually(t, "n2 knows who is on the channel", func() bool {
				return at(ask(2).get("/api/apps/"+hooked.ID+"/channels/"+news), "channel", "subscribers") == 1.0
			})
			if status, answer := ask(2).ask("POST", "/api/apps/"+hooked.ID+"/events", `{"name":"e","channels":["`+news+`"],"data":"x"}`); status != 200 {
				t.Errorf("%d %v", status, answer)
			}
		},
			[]string{`"type":"subscribe"`, `"node":"n1"`, news},
			[]string{`"type":"occupied"`, news},
			[]string{`"type":"member_added"`, room, `"u1"`},
			[]string{`"type":"publish"`, `"node":"n2"`, news, `"data":"x"`, `"receivers":1`},
		)
		c.awaitEvent(1, `"event":"e"`, news)

		// How the others are.
		eventually(t, "a node knows how the others are", func() bool {
			known := 0
			nodes, _ := ask(0).get("/api/cluster")["nodes"].([]any)
			for i, n := range nodes {
				if at(n, "name") == fmt.Sprintf("n%d", i) && at(n, "state") == "alive" && at(n, "memory_bytes") != nil && at(n, "connections") == map[bool]float64{true: 1}[i == 1] {
					known++
				}
			}
			return known == 3
		})

		// Where a connection is, by its id, by its channel and by its user.
		for _, query := range []string{"socket_id=" + c.socketID, "q=" + c.socketID, "channel=" + news, "q=" + news, "user=u1", "q=u1", "app=" + hooked.ID + "&user=u1"} {
			answer := ask(2).get("/api/connections?" + query)
			if places, _ := answer["elsewhere"].([]any); len(places) != 1 || at(answer, "elsewhere", 0, "name") != "n1" || at(answer, "elsewhere", 0, "console") != "http://"+f.nodes[1].admin+"/" {
				t.Errorf("%s: %v", query, answer)
			}
		}
		if answer := ask(1).get("/api/connections?q=" + c.socketID); at(answer, "connections", 0, "socket_id") != c.socketID || len(answer["elsewhere"].([]any)) != 0 {
			t.Errorf("on its own node: %v", answer)
		}
		if status, answer := ask(0).ask("GET", "/api/connections/"+c.socketID, ""); status != 404 || answer["code"] != "on_another_node" || at(answer, "elsewhere", 0, "name") != "n1" {
			t.Errorf("%d %v", status, answer)
		}
		if status, answer := ask(0).ask("GET", "/api/connections/1.2", ""); status != 404 || answer["code"] != "no_such_connection" {
			t.Errorf("%d %v", status, answer)
		}

		// And ending it from elsewhere.
		status, answer := ask(0).ask("POST", "/api/connections/"+c.socketID+"/close", `{"code":4200}`)
		if text, _ := json.Marshal(answer); status != 200 || string(text) != `{"closed":false,"passed_to":["n1"]}` {
			t.Errorf("%d %s", status, text)
		}
		c.awaitEvent(1, "pusher:error", "4200")

		d, user := f.hear(1), fresh("user")
		d.sendSignIn(hooked, fmt.Sprintf(`{"id":%q}`, user))
		d.awaitEvent(1, "signin_success")
		if status, answer := ask(2).ask("POST", "/api/apps/"+hooked.ID+"/users/"+user+"/terminate_connections", `{}`); status != 200 || answer["terminated"] != true {
			t.Errorf("%d %v", status, answer)
		}
		d.awaitEvent(1, "pusher:error", "4009")

		if status, answer := ask(0).ask("GET", "/api/live?node=nonesuch", ""); status != 400 || answer["code"] != "no_such_node" {
			t.Errorf("%d %v", status, answer)
		}
	})
}
