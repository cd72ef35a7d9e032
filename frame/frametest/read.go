// Package frametest reads frames as the clients of tests do, with another implementation than the
// one under test. Nothing but tests imports it.
package frametest

import (
	"fmt"
	"io"

	"github.com/gobwas/ws"
)

// maxPayload is more than any test sends.
const maxPayload = 64 << 20

// Read returns the next frame of r, with a payload of its own. Unlike ws.ReadFrame it does not
// believe any length. May block.
func Read(r io.Reader) (ws.Frame, error) {
	h, err := ws.ReadHeader(r)
	if err != nil {
		return ws.Frame{}, err
	}
	if h.Length > maxPayload {
		return ws.Frame{}, fmt.Errorf("frametest: a frame of %d bytes", h.Length)
	}
	payload := make([]byte, h.Length)
	_, err = io.ReadFull(r, payload)
	return ws.Frame{Header: h, Payload: payload}, err
}
