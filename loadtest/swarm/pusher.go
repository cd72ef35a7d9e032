//go:build linux

package swarm

import (
	"encoding/json"
	"strconv"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/pusher/auth"
)

// pusher is the Pusher protocol 7. How it reads messages is in event.go.
type pusher struct{ plan *plan.Plan }

func (d *pusher) endpoint() string {
	return "/app/" + d.plan.Key + "?protocol=7&client=loadtest&version=1.0.0&flash=false"
}

func (d *pusher) merges() bool                  { return false }
func (d *pusher) appendHello(dst []byte) []byte { return dst } // the server greets
func (d *pusher) subscribesToPublish() bool     { return true }

func (d *pusher) appendSubscription(dst []byte, c *conn, channel string, socketID []byte) []byte {
	frame := append([]byte(nil), `{"event":"pusher:subscribe","data":{"channel":"`...)
	frame = append(frame, channel...)
	if plan.Authorized(d.plan.Prefix) {
		var member *string
		if plan.Presence(d.plan.Prefix) {
			text := memberData(c)
			member = &text
			quoted, err := json.Marshal(text)
			if err != nil {
				panic(err) // a string
			}
			frame = append(append(frame, `","channel_data":`...), quoted...)
			frame = append(frame, `,"auth":"`...)
		} else {
			frame = append(frame, `","auth":"`...)
		}
		frame = append(append(frame, d.plan.Key...), ':')
		frame = append(frame, auth.ChannelSignature(d.plan.Secret, string(socketID), channel, member)...)
	}
	frame = append(frame, `"}}`...)
	return appendFrame(dst, opText, frame)
}

// memberData is who a conn is in a presence channel: a user of its own.
func memberData(c *conn) string {
	user := [...]string{roleSubscriber: "user-", roleSpeaker: "speaker-", roleChurner: "guest-", roleDeaf: "deaf-"}[c.role] + strconv.Itoa(int(c.who))
	return `{"user_id":"` + user + `","user_info":{"name":"` + user + `"}}`
}

// appendPublication makes a client event.
func (d *pusher) appendPublication(dst, message []byte, channel string, s plan.Stamp, size int) []byte {
	message = append(message, `{"event":"client-load","channel":"`...)
	message = append(message, channel...)
	message = append(message, `","data":"`...)
	message = plan.AppendData(message, s, size)
	message = append(message, `"}`...)
	return appendFrame(dst, opText, message)
}

func (d *pusher) appendPing(dst []byte) []byte {
	return appendFrame(dst, opText, []byte(`{"event":"pusher:ping","data":{}}`))
}

func (d *pusher) appendPong(dst []byte) []byte {
	return appendFrame(dst, opText, []byte(`{"event":"pusher:pong","data":{}}`))
}

func (d *pusher) event(message []byte) event { return eventOf(message) }

func (d *pusher) greeting(message []byte) (socketID []byte, seconds int) {
	return socketIDOf(message), activityTimeout(message)
}

func (d *pusher) errorText(message []byte) string { return errorText(message) }
