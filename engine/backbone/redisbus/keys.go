package redisbus

import (
	"hash/fnv"
	"strconv"
)

// partitions is how many hash tags the topics share. In a cluster each has its slot, a connection for its messages and a queue. All nodes have to agree, so it is not for
// configuration.
const partitions = 32

// keys says how things are named in Redis.
type keys struct {
	prefix  string // of keys
	channel string // of channels, which all databases share
}

func newKeys(prefix string, database int) keys {
	k := keys{prefix: prefix, channel: prefix}
	if database != 0 {
		k.channel += strconv.Itoa(database) + ":"
	}
	return k
}

func partition(topic string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(topic))
	return int(h.Sum32() % partitions)
}

func tag(topic string) string { return "{" + strconv.Itoa(partition(topic)) + "}" }

func (k *keys) meta(topic string) string   { return k.prefix + tag(topic) + "l:" + topic }
func (k *keys) stream(topic string) string { return k.prefix + tag(topic) + "s:" + topic }

// writer is where it is kept what a sender has appended to a log.
func (k *keys) writer(topic, sender string) string {
	return k.prefix + tag(topic) + "w:" + sender + ":" + topic
}

func (k *keys) messages(topic string) string { return k.channel + tag(topic) + "t:" + topic }

// topic is the reverse of messages; ok is false when that is not what channel is.
func (k *keys) topic(channel string, partition int) (topic string, ok bool) {
	n := len(k.channel) + len("{}t:") + len(strconv.Itoa(partition))
	if len(channel) < n || channel[n-2] != 't' {
		return "", false
	}
	return channel[n:], true
}

// hello is a channel on which nothing is sent: to be subscribed to it opens a connection.
func (k *keys) hello(partition int) string {
	return k.channel + "{" + strconv.Itoa(partition) + "}h:"
}

const boardTag = "{board}"

// board returns the keys of the board's scripts, in their order.
func (k *keys) board() []string {
	p := k.prefix + boardTag
	return []string{p + "meta", p + "leases", p + "nodes", p + "changes", p + "gone"}
}

func (k *keys) changes() string          { return k.prefix + boardTag + "changes" }
func (k *keys) entries(id string) string { return k.prefix + boardTag + "e:" + id }
