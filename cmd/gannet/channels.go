package main

import (
	"fmt"
	"strings"

	"github.com/gannet-io/gannet/pusher"
)

// checkChannels checks the rules of an app's channels.
func (r *reading) checkChannels(a *AppConfig, path string) {
	for i := range a.Channels {
		r.checkMatch(a, i, path)
		r.checkChannel(&a.Channels[i], fmt.Sprintf("%s.channels[%d]", path, i))
	}
}

// maxEvents bounds what one channel may keep: a place in its ring costs memory by itself.
const maxEvents = 10_000_000

func (r *reading) checkChannel(c *ChannelConfig, path string) {
	r.checkRange(path+".history.events", c.History.Events, 0, maxEvents)
	if c.Cache != "" {
		r.checkWord(path+".cache", c.Cache, cacheKeyed)
	}
	r.checkWord(path+".key", c.Key, keyEvent, keyChannel)
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
