package swarm

import (
	"bytes"
	"fmt"
)

// The key and its answer are the example of RFC 6455 §1.3. One key serves all conns: it proves that
// the server speaks WebSocket, not that the client is anybody.
const (
	openingKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	openingAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// appendOpening appends the opening request of a client for an endpoint of a host.
func appendOpening(dst []byte, host, endpoint string) []byte {
	return fmt.Appendf(dst, "GET %s HTTP/1.1\r\n"+
		"Host: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", endpoint, host, openingKey)
}

// nextOpening checks the answer to it. n is its length, 0 when it is not complete.
func nextOpening(b []byte) (n int, err error) {
	head := bytes.Index(b, []byte("\r\n\r\n"))
	if head < 0 {
		if len(b) > maxHeadBytes {
			return 0, errResponse
		}
		return 0, nil
	}
	head += 4
	code, err := status(b[:head])
	if err != nil {
		return 0, err
	}
	if code != 101 {
		return 0, fmt.Errorf("HTTP %d instead of a WebSocket", code)
	}
	if accept := field(b[:head], "sec-websocket-accept"); string(accept) != openingAccept {
		return 0, fmt.Errorf("a wrong Sec-WebSocket-Accept")
	}
	return head, nil
}
