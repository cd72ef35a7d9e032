package natsbus

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
)

// maxToken is how long a topic's token may be: a subject has to fit the line in which a server reads it, 4 KiB.
const maxToken = 2048

const hexDigits = "0123456789ABCDEF"

// token returns a topic as one token of a subject. Letters, digits and _ - = @ , ; # stay, since subjects allow them and nothing treats them
// specially; every other byte becomes %XX. A topic that gets too long so is named by its hash instead, which no escaped one can look
// like, since behind %% no digits come.
func token(topic string) string {
	plain := true
	for i := 0; i < len(topic) && plain; i++ {
		plain = verbatim(topic[i])
	}
	if plain && topic != "" && len(topic) <= maxToken {
		return topic
	}
	escaped := make([]byte, 0, len(topic)+32)
	for i := 0; i < len(topic); i++ {
		if c := topic[i]; verbatim(c) {
			escaped = append(escaped, c)
		} else {
			escaped = append(escaped, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	if len(escaped) > maxToken || topic == "" {
		sum := sha256.Sum256([]byte(topic))
		return "%%" + hex.EncodeToString(sum[:])
	}
	return string(escaped)
}

func verbatim(c byte) bool {
	switch c {
	case '_', '-', '=', '@', ',', ';', '#':
		return true
	}
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// hash is the same on every node.
func hash(topic string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(topic))
	return h.Sum32()
}
