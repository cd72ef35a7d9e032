//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"sync"
	"testing"
)

func TestSIGTERMSendsEveryoneAwayWith4200AndEndsWithZero(t *testing.T) {
	s := startServer(t, "drain_window: 1s\n")
	var clients []*client
	for range 200 {
		c := connectTo(t, s, quiet)
		c.join(quiet, "public")
		clients = append(clients, c)
	}
	check(t, s.terminate())
	var farewells sync.WaitGroup
	for _, c := range clients {
		farewells.Go(func() {
			c.t = t
			c.expectRefusal(4200)
		})
	}
	farewells.Wait()
	check(t, s.wait())
}

func TestWhileDrainingTheServerIsNotReadyAndTakesNobody(t *testing.T) {
	s := startServer(t, "drain_window: 3s\n")
	first := connectTo(t, s, quiet)
	for range 50 {
		connectTo(t, s, quiet)
	}
	check(t, s.terminate())
	eventually(t, "/readyz of the admin port says no", func() bool {
		resp, err := http.Get("http://" + s.admin + "/readyz")
		if err != nil {
			t.Fatalf("the admin port went before the clients did: %v", err)
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	if resp, err := http.Get(s.url() + "/readyz"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("the public port still takes connections and says it is ready")
		}
	}
	first.expectRefusal(4200)
}

func TestAClientThatNeverAnswersDoesNotHoldUpTheEnd(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\n")
	connectTo(t, s, quiet) // reads nothing from here on
	check(t, s.stop())     // which has no more than patience
}

// TestStrangersDoNotSpoilTheEnd: one has sent half a request head, one half a body. The server ends
// all the same, and with 0, or supervisors would count each deploy as a crash.
func TestStrangersDoNotSpoilTheEnd(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\nlimits: {handshake_timeout: 1m}\n")
	for _, sent := range []string{
		"GET /app/some-key HTTP/1.1\r\nHost: x\r\n",
		"POST /apps/1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
	} {
		conn, err := s.open()
		check(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, sent)
		check(t, err)
	}
	// Answered behind those two, so that both have been accepted.
	resp, err := http.Get(s.url() + "/healthz")
	check(t, err)
	resp.Body.Close()
	check(t, s.stop())
}
