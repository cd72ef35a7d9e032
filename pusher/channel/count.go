package channel

import (
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
)

// AnnouncesCount reports whether subscribers of a channel of this kind get pusher_internal:subscription_count in app a:
// the app wants it, and the channel is not a presence channel, whose roster tells as much ("Subscription count").
//
// Not on #server-to-user- channels, which are a connection's private business. Departs: not on private-encrypted-
// channels either, where the Java SDK tries to decrypt the frame and reports a failure, unless the app's
// Compat.EncryptedSubscriptionCount asks for it. Any goroutine.
func AnnouncesCount(kind pusher.Kind, a *app.App) bool {
	if !a.SubscriptionCount || kind&(pusher.Presence|pusher.ServerToUser) != 0 {
		return false
	}
	return kind&pusher.Encrypted == 0 || a.Compat.EncryptedSubscriptionCount
}

// CountDue reports whether count, that of this node's connections or of those on all nodes, is to be announced now, and takes it as done when it says so.
//
// It is due when it has changed since the last announcement and there are at most [pusher.SubscriptionCountEager]
// subscribers, or [pusher.SubscriptionCountEvery] have passed since the last announcement. Ask after every Join,
// Leave and CountChanged; a change held back stays owed, see CountOwed.
func (s *State) CountDue(count int, now time.Time) bool {
	if !s.changed || count > pusher.SubscriptionCountEager && s.wait(now) > 0 {
		return false
	}
	s.changed = false
	s.announced = now.UnixNano()
	return true
}

// CountChanged notes that the count of other nodes' connections has changed.
func (s *State) CountChanged() { s.changed = true }

// CountOwed returns how long to wait before CountDue will announce a change it has held back, and whether there is one.
// Without a later look the last change of a busy channel would never be told.
func (s *State) CountOwed(count int, now time.Time) (wait time.Duration, owed bool) {
	if !s.changed {
		return 0, false
	}
	if count <= pusher.SubscriptionCountEager {
		return 0, true
	}
	return s.wait(now), true
}

func (s *State) wait(now time.Time) time.Duration {
	if s.announced == 0 {
		return 0
	}
	since := time.Duration(now.UnixNano() - s.announced)
	if since < 0 {
		return 0 // the wall clock was set back: announce rather than be silent until it has caught up
	}
	return max(0, pusher.SubscriptionCountEvery-since)
}
