package main

import (
	"fmt"
	"strings"

	"github.com/gannet-io/gannet/pusher"
)

// checkChannels checks the rules of an app's channels.
func (r *reading) checkChannels(c *Config, a *AppConfig, path string) {
	for i := range a.Channels {
		r.checkMatch(a, i, path)
		r.checkChannel(c, &a.Channels[i], fmt.Sprintf("%s.channels[%d]", path, i))
	}
}

// maxEvents bounds what one channel may keep: a place in its ring costs memory by itself.
const maxEvents = 10_000_000

func (r *reading) checkChannel(cfg *Config, c *ChannelConfig, path string) {
	r.checkRange(path+".history.events", c.History.Events, 0, maxEvents)
	if c.Cache != "" {
		r.checkWord(path+".cache", c.Cache, cacheKeyed)
	}
	r.checkWord(path+".key", c.Key, keyEvent, keyChannel)
	r.checkWord(path+".slow", c.Slow, slowDisconnect, slowConflate, slowDropOldest)
	if c.Slow == slowDisconnect {
		return
	}
	if most := cfg.Limits.BacklogBytes; most > 0 && (c.HighWater >= most || c.HighWater == 0) {
		r.bad(path+".high_water", "must be less than limits.backlog_bytes, where the client is closed: that is %s", formatBytes(most))
	}
	if c.HighWater > 0 && c.LowWater > c.HighWater {
		r.bad(path+".low_water", "must not be more than high_water, which is %s", formatBytes(c.HighWater))
	}
}

// checkMatch checks the pattern of rule i, and that no rule before it takes all its channels.
func (r *reading) checkMatch(a *AppConfig, i int, path string) {
	match, at := a.Channels[i].Match, fmt.Sprintf("%s.channels[%d].match", path, i)
	if match == "" {
		r.bad(at, "must not be empty; * matches every channel")
		return
	}
	if !pusher.ValidChannel(strings.ReplaceAll(match, "*", "a"), 0) {
		r.bad(at, "no channel has such a name: want letters, digits and _-=@,.; with * for any of them, got %q", match)
		return
	}
	for j := range i {
		if earlier := a.Channels[j].Match; earlier == match || strings.Trim(earlier, "*") == "" && earlier != "" {
			r.bad(at, "is never used: %q at %s comes first and matches all of it", earlier, r.whereIs(fmt.Sprintf("%s.channels[%d].match", path, j)))
			return
		}
	}
}
