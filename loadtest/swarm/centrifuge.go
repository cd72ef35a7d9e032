//go:build linux

package swarm

import (
	"bytes"

	"github.com/gannet-io/gannet/loadtest/plan"
)

// centrifuge is the bidirectional JSON protocol of Centrifugo: commands with numbers, replies with
// the same, pushes without, several of them in a frame, a line each; an empty reply is a ping and
// an empty command its answer (https://centrifugal.dev/docs/transports/client_protocol).
//
// A server replies in the order of the commands, so their numbers are not looked at.
type centrifuge struct{}

func (centrifuge) endpoint() string          { return "/connection/websocket" }
func (centrifuge) merges() bool              { return true }
func (centrifuge) subscribesToPublish() bool { return false }

func (centrifuge) appendHello(dst []byte) []byte {
	return appendFrame(dst, opText, []byte(`{"id":1,"connect":{"name":"loadtest"}}`))
}

func (centrifuge) appendSubscription(dst []byte, _ *conn, channel string, _ []byte) []byte {
	return appendFrame(dst, opText, append(append([]byte(`{"id":2,"subscribe":{"channel":"`), channel...), `"}}`...))
}

func (centrifuge) appendPublication(dst, message []byte, channel string, s plan.Stamp, size int) []byte {
	message = append(message, `{"id":3,"publish":{"channel":"`...)
	message = append(message, channel...)
	message = append(message, `","data":"`...)
	message = plan.AppendData(message, s, size)
	message = append(message, `"}}`...)
	return appendFrame(dst, opText, message)
}

// Servers ping; clients are not asked to.
func (centrifuge) appendPing(dst []byte) []byte { return dst }

func (centrifuge) appendPong(dst []byte) []byte { return appendFrame(dst, opText, []byte(`{}`)) }

func (centrifuge) event(message []byte) event {
	switch {
	case bytes.Equal(message, []byte(`{}`)):
		return eventPing
	case bytes.Contains(message, []byte(`"error":{`)):
		return eventError
	case bytes.Contains(message, []byte(`"subscribe":{`)):
		return eventSubscribed
	case bytes.Contains(message, []byte(`"connect":{`)):
		return eventEstablished
	}
	return eventOther // the reply to a publication, joins and leaves
}

func (centrifuge) greeting([]byte) (socketID []byte, seconds int) { return nil, 0 }

func (centrifuge) errorText(message []byte) string {
	_, text, _ := bytes.Cut(message, []byte(`"message":"`))
	text, _, _ = bytes.Cut(text, []byte(`"`))
	return "centrifuge: error " + string(value(message, "code", digit)) + ": " + string(text[:min(len(text), 100)])
}
