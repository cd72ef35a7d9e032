//go:build linux

package swarm

import (
	"encoding/json"
	"strconv"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/pusher/auth"
)

// established answers the greeting with all subscriptions in one write.
func (w *worker) established(slot int32, greeting []byte) {
	c := &w.conns[slot]
	if seconds := activityTimeout(greeting); seconds > 0 {
		w.activity = int32(seconds)
	}
	c.state = stateGreeted
	if c.eager {
		return
	}
	w.text = w.appendSubscriptions(w.text[:0], c, socketID(greeting))
	w.transmit(slot, w.text)
}

// appendSubscriptions appends the subscribe frames of a conn, and notes how many there are. The
// socket ID is needed for channels that want a signature.
func (w *worker) appendSubscriptions(dst []byte, c *conn, socketID []byte) []byte {
	switch c.role {
	case roleSubscriber, roleDeaf:
		for slot := range c.place.Count() {
			dst = w.appendSubscription(dst, c, c.place.Channel(slot), socketID)
		}
		c.waiting = int32(c.place.Count())
	case roleChurner:
		dst = w.appendSubscription(dst, c, int(c.who)%w.plan.Channels, socketID)
		c.waiting = 1
	case roleSpeaker: // on each channel that it publishes on
		first := -1
		for n := uint64(0); ; n++ {
			channel, _ := w.plan.Message(int(c.who), n)
			if channel == first {
				break
			}
			if first < 0 {
				first = channel
			}
			dst = w.appendSubscription(dst, c, channel, socketID)
			c.waiting++
		}
	}
	return dst
}

func (w *worker) appendSubscription(dst []byte, c *conn, channel int, socketID []byte) []byte {
	name := w.plan.Channel(channel)
	frame := append([]byte(nil), `{"event":"pusher:subscribe","data":{"channel":"`...)
	frame = append(frame, name...)
	if plan.Authorized(w.plan.Prefix) {
		var member *string
		if plan.Presence(w.plan.Prefix) {
			text := memberData(c)
			member = &text
			quoted, err := json.Marshal(text)
			if err != nil {
				panic(err) // a string
			}
			frame = append(append(frame, `","channel_data":`...), quoted...)
			frame = append(frame, `,"auth":"`...)
		} else {
			frame = append(frame, `","auth":"`...)
		}
		frame = append(append(frame, w.plan.Key...), ':')
		frame = append(frame, auth.ChannelSignature(w.plan.Secret, string(socketID), name, member)...)
	}
	frame = append(frame, `"}}`...)
	return appendFrame(dst, opText, frame)
}

// memberData is who a conn is in a presence channel: a user of its own.
func memberData(c *conn) string {
	user := [...]string{roleSubscriber: "user-", roleSpeaker: "speaker-", roleChurner: "guest-", roleDeaf: "deaf-"}[c.role] + strconv.Itoa(int(c.who))
	return `{"user_id":"` + user + `","user_info":{"name":"` + user + `"}}`
}

// subscribed counts an acknowledgement.
func (w *worker) subscribed(slot int32, now int64) {
	c := &w.conns[slot]
	if c.waiting--; c.waiting != 0 || c.state != stateGreeted {
		return
	}
	c.state = stateLive
	switch c.role {
	case roleSubscriber:
		w.opening--
		w.counts.Joined++
		w.joined.Record(now - c.due)
		for i := range c.place.Count() {
			w.local[c.place.Channel(i)]++
		}
	case roleDeaf:
		w.opening--
		w.deafen(slot)
	case roleChurner:
		w.arrived(slot, now)
	case roleSpeaker:
		w.publisherOpen(slot)
	}
}
