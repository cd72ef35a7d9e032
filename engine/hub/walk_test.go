package hub_test

import (
	"slices"
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
)

// A long list is sent to while it is walked, which takes several turns of the loop. Whatever
// happens between them, everybody gets everything once and in order.
func TestWhatHappensDuringALongFanOutDisturbsNobody(t *testing.T) {
	const subscribers = 2*engine.SliceSends + 50
	for _, story := range []struct {
		what   string
		during func(r *room, clients []*client) // after the first slice, on the loop
		extra  []string                         // that everybody gets besides
		left   []int                            // whose clients get nothing certain
	}{
		{what: "nothing"},
		{
			what:   "a second message",
			during: func(r *room, _ []*client) { r.publish("big", "second", 0) },
			extra:  []string{"second"},
		}, {
			what:   "a message for one of them",
			during: func(r *room, _ []*client) { r.publish("small", "for one", 0) },
		}, {
			what: "one that has it closes",
			during: func(r *room, clients []*client) {
				find(r, clients[3]).Close(1000, "")
			},
			left: []int{3},
		}, {
			what: "one that waits for it closes",
			during: func(r *room, clients []*client) {
				find(r, clients[subscribers-60]).Close(1000, "")
			},
			left: []int{subscribers - 60},
		}, {
			what: "some leave and one joins again",
			during: func(r *room, clients []*client) {
				r.topic("big", func(t *hub.Topic) {
					t.Leave(clients[5].id)
					t.Leave(clients[subscribers-5].id)
					t.Leave(clients[subscribers-6].id)
					t.Join(clients[5].id)
				})
			},
		},
	} {
		t.Run(story.what, func(t *testing.T) {
			r := newRoom(t, 1)
			clients := make([]*client, subscribers)
			for i := range clients {
				clients[i] = r.dial()
				r.topic("big", func(t *hub.Topic) { t.Join(clients[i].id) })
			}
			excepted := clients[subscribers-2]
			r.topic("small", func(t *hub.Topic) { t.Join(excepted.id) })
			r.settled()
			walked := false // owned by the loop
			r.on(0, func(*engine.Loop) {
				r.work = func(l *engine.Loop) {
					if r.Walking(l) && !walked {
						walked = true
						if story.during != nil {
							story.during(r, clients)
						}
					}
				}
			})
			r.publish("big", "first", excepted.id)
			for i, c := range clients {
				switch {
				case slices.Contains(story.left, i):
				case c == excepted && story.what == "a message for one of them":
					c.want("for one")
				case c == excepted:
					c.want(story.extra...)
				default:
					c.want(append([]string{"first"}, story.extra...)...)
				}
			}
			r.on(0, func(*engine.Loop) {
				if r.work = nil; !walked {
					t.Error("nothing happened between two turns")
				}
			})
			r.topic("big", func(t *hub.Topic) {
				for i, c := range clients {
					if !slices.Contains(story.left, i) {
						t.Send(c.id, text("end"))
					}
				}
			})
			for i, c := range clients {
				if !slices.Contains(story.left, i) {
					c.want("end") // and nothing twice before it
				}
			}
			r.settled()
		})
	}
}

func find(r *room, c *client) *engine.Conn { return r.Loops()[0].Find(c.id) }
