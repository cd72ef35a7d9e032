package wire

import "strconv"

// An Info is what the HTTP API tells about a channel on request. Attributes that were not asked for are left out.
type Info struct {
	UserCount, SubscriptionCount       int
	HasUserCount, HasSubscriptionCount bool
}

// A ChannelInfo is an Info under its channel's name.
type ChannelInfo struct {
	Name string
	Info
}

// A CacheInfo is the event a cache channel keeps.
type CacheInfo struct {
	Data []byte // JSON string token
	TTL  int    // whole seconds left
}

// AppendTriggerResult appends the answer to POST /events with info: one member for each channel, possibly {}. Without
// info the answer is {}.
func AppendTriggerResult(dst []byte, channels []ChannelInfo) []byte {
	return AppendChannels(dst, channels)
}

// AppendBatchResult appends the answer to POST /batch_events when at least one event had info: one object for every
// event, in order, possibly {}. It is never an object instead of the array, on which the Go library fails.
func AppendBatchResult(dst []byte, infos []Info) []byte {
	dst = append(dst, `{"batch":[`...)
	for i := range infos {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendInfo(dst, &infos[i])
	}
	return append(dst, `]}`...)
}

// AppendChannels appends the answer to GET /channels. No channels is {"channels":{}}, never [].
func AppendChannels(dst []byte, channels []ChannelInfo) []byte {
	dst = AppendChannelsStart(dst)
	for i := range channels {
		dst = AppendChannelsItem(dst, &channels[i], i == 0)
	}
	return AppendChannelsEnd(dst)
}

// AppendChannelsStart, AppendChannelsItem for each channel and AppendChannelsEnd append in pieces what AppendChannels does at once.
func AppendChannelsStart(dst []byte) []byte { return append(dst, `{"channels":{`...) }

// AppendChannelsItem appends one channel; see AppendChannelsStart.
func AppendChannelsItem(dst []byte, c *ChannelInfo, first bool) []byte {
	if !first {
		dst = append(dst, ',')
	}
	dst = AppendQuoted(dst, c.Name)
	dst = append(dst, ':')
	return appendInfo(dst, &c.Info)
}

// AppendChannelsEnd ends the list; see AppendChannelsStart.
func AppendChannelsEnd(dst []byte) []byte { return append(dst, `}}`...) }

// AppendChannel appends the answer to GET /channels/{name}. hasCache says that the cache was asked for; a nil cache is
// then null.
func AppendChannel(dst []byte, occupied bool, info Info, hasCache bool, cache *CacheInfo) []byte {
	dst = append(dst, `{"occupied":`...)
	dst = strconv.AppendBool(dst, occupied)
	dst = appendAttributes(dst, &info, true)
	if hasCache {
		dst = append(dst, `,"cache":`...)
		if cache == nil {
			dst = append(dst, `null`...)
		} else {
			dst = append(dst, `{"data":`...)
			dst = append(dst, cache.Data...)
			dst = append(dst, `,"ttl":`...)
			dst = strconv.AppendInt(dst, int64(cache.TTL), 10)
			dst = append(dst, '}')
		}
	}
	return append(dst, '}')
}

// AppendUsers appends the answer to GET /channels/{name}/users. Ids are always strings, and no users are [].
func AppendUsers(dst []byte, ids []string) []byte {
	dst = append(dst, `{"users":[`...)
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = AppendQuoted(dst, id)
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

func appendInfo(dst []byte, info *Info) []byte {
	dst = append(dst, '{')
	dst = appendAttributes(dst, info, false)
	return append(dst, '}')
}

// appendAttributes appends the members of info; comma says that others stand before them.
func appendAttributes(dst []byte, info *Info, comma bool) []byte {
	if info.HasUserCount {
		if comma {
			dst = append(dst, ',')
		}
		dst = append(dst, `"user_count":`...)
		dst = strconv.AppendInt(dst, int64(info.UserCount), 10)
		comma = true
	}
	if info.HasSubscriptionCount {
		if comma {
			dst = append(dst, ',')
		}
		dst = append(dst, `"subscription_count":`...)
		dst = strconv.AppendInt(dst, int64(info.SubscriptionCount), 10)
	}
	return dst
}
