//go:build linux

package swarm

// established answers the greeting with all subscriptions in one write.
func (w *worker) established(slot int32, greeting []byte) {
	c := &w.conns[slot]
	socketID, seconds := w.dialect.greeting(greeting)
	if seconds > 0 {
		w.activity = int32(seconds)
	}
	c.state = stateGreeted
	if c.eager {
		return
	}
	if c.role == roleSpeaker && !w.dialect.subscribesToPublish() {
		c.state = stateLive
		w.publisherOpen(slot)
		return
	}
	w.text = w.appendSubscriptions(w.text[:0], c, socketID)
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
	return w.dialect.appendSubscription(dst, c, w.plan.Channel(channel), socketID)
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
