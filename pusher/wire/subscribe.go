package wire

// A Subscribe is the data of pusher:subscribe.
type Subscribe struct {
	Channel     string
	Auth        string // "key:signature"; pusher-js sends an empty one for public channels
	ChannelData string // JSON text, verbatim: the signature covers it byte for byte

	HasChannelData bool

	Recall *Recall // nil: nothing is asked about the past
}

var (
	errSubscribeData  = &Error{"data must be an object"}
	errAuthNotString  = &Error{"auth must be a string"}
	errChannelData    = &Error{"channel_data must be a string"}
	errChannelMissing = &Error{"data.channel must be a string"}
)

// ParseSubscribe reads the Data of a Frame that ParseFrame returned; it does not validate the JSON again. The channel
// must be a string, auth and channel_data strings, null or absent, rewind a number or the text of a time. The error is an
// *Error.
func ParseSubscribe(data []byte) (Subscribe, error) {
	m, ok := objectMembers(data)
	if !ok {
		return Subscribe{}, errSubscribeData
	}
	var channel, auth, channelData, resume, socket, rewind []byte
	var scratch [16]byte
	for m.next() {
		switch string(m.name(scratch[:])) {
		case "channel":
			channel = m.value
		case "auth":
			auth = m.value
		case "channel_data":
			channelData = m.value
		case "resume":
			resume = m.value
		case "socket":
			socket = m.value
		case "rewind":
			rewind = m.value
		}
	}
	var s Subscribe
	if !isString(channel) {
		return Subscribe{}, errChannelMissing
	}
	s.Channel = copiedText(channel)
	if s.Auth, _, ok = optionalText(auth); !ok {
		return Subscribe{}, errAuthNotString
	}
	if s.ChannelData, s.HasChannelData, ok = optionalText(channelData); !ok {
		return Subscribe{}, errChannelData
	}
	var err error
	s.Recall, err = readRecall(resume, socket, rewind)
	return s, err
}

// ParseUnsubscribe reads the data of pusher:unsubscribe, as ParseSubscribe does, and returns its channel.
func ParseUnsubscribe(data []byte) (channel string, err error) {
	m, ok := objectMembers(data)
	if !ok {
		return "", errSubscribeData
	}
	var token []byte
	var scratch [16]byte
	for m.next() {
		if string(m.name(scratch[:])) == "channel" {
			token = m.value
		}
	}
	if !isString(token) {
		return "", errChannelMissing
	}
	return copiedText(token), nil
}

// optionalText returns the text of a string token; null counts as absent. ok is false for any other value.
func optionalText(value []byte) (text string, present, ok bool) {
	switch {
	case value == nil || isNull(value):
		return "", false, true
	case isString(value):
		return copiedText(value), true, true
	}
	return "", false, false
}
