package wire

import "slices"

// A Trigger is one event to publish, as the body of POST /events or one entry of POST /batch_events has it.
type Trigger struct {
	Name     string   // decoded; may be empty, which the caller refuses
	Data     []byte   // JSON string token, borrowed from the body
	DataLen  int      // bytes of the decoded data; may be 0
	Channels []string // at least one, each once, in order of appearance: channels, then channel
	SocketID string   // who shall not get it; empty when absent or null
	Info     string   // comma list of attributes to answer with; empty when absent or null
	ID       string   // idempotency key; empty when absent or null
}

var (
	errName        = &Error{"name must be a string"}
	errData        = &Error{"data must be a string"}
	errChannels    = &Error{"channels must be an array of strings"}
	errNoChannel   = &Error{"channels or channel is missing"}
	errOneChannel  = &Error{"each event of a batch must have exactly one channel"}
	errSocketID    = &Error{"socket_id must be a string"}
	errKey         = &Error{"idempotency_key must be a string"}
	errInfo        = &Error{"info must be a string"}
	errBatch       = &Error{"batch must be an array of events"}
	errBatchObject = &Error{"each event of a batch must be an object"}
)

// ParseTrigger reads the body of POST /events. Numbers of channels, lengths and alphabets are not checked. The error is
// an *Error.
func ParseTrigger(body []byte, maxDepth int) (Trigger, error) {
	if err := validUTF8(body, maxDepth); err != nil {
		return Trigger{}, err
	}
	m, ok := objectMembers(body)
	if !ok {
		return Trigger{}, errNotObject
	}
	return readTrigger(&m)
}

// ParseBatch reads the body of POST /batch_events; an empty batch is legal. The error is an *Error about the first
// event that is wrong.
func ParseBatch(body []byte, maxDepth int) ([]Trigger, error) {
	if err := validUTF8(body, maxDepth); err != nil {
		return nil, err
	}
	m, ok := objectMembers(body)
	if !ok {
		return nil, errNotObject
	}
	var batch []byte
	var scratch [16]byte
	for m.next() {
		if string(m.name(scratch[:])) == "batch" {
			batch = m.value
		}
	}
	e, ok := arrayElements(batch)
	if !ok {
		return nil, errBatch
	}
	var list []Trigger
	for e.next() {
		m, ok := objectMembers(e.value)
		if !ok {
			return nil, errBatchObject
		}
		t, err := readTrigger(&m)
		if err != nil {
			return nil, err
		}
		if len(t.Channels) != 1 {
			return nil, errOneChannel
		}
		list = append(list, t)
	}
	return list, nil
}

func readTrigger(m *members) (Trigger, error) {
	var name, data, channels, channel, socketID, info, id []byte
	var scratch [16]byte
	for m.next() {
		switch string(m.name(scratch[:])) {
		case "name":
			name = m.value
		case "data":
			data = m.value
		case "channels":
			channels = m.value
		case "channel":
			channel = m.value
		case "socket_id":
			socketID = m.value
		case "info":
			info = m.value
		case "idempotency_key":
			id = m.value
		}
	}
	var t Trigger
	if !isString(name) {
		return Trigger{}, errName
	}
	t.Name = copiedText(name)
	if !isString(data) {
		return Trigger{}, errData
	}
	t.Data, t.DataLen = data, DecodedLen(data)
	var err error
	if t.Channels, err = readChannels(channels, channel); err != nil {
		return Trigger{}, err
	}
	var ok bool
	if t.SocketID, _, ok = optionalText(socketID); !ok {
		return Trigger{}, errSocketID
	}
	if t.Info, _, ok = optionalText(info); !ok {
		return Trigger{}, errInfo
	}
	if t.ID, _, ok = optionalText(id); !ok {
		return Trigger{}, errKey
	}
	return t, nil
}

// readChannels joins what channels and channel name. The PHP library sends channel for one, all others channels; what
// Pusher does with both is not published.
func readChannels(channels, channel []byte) ([]string, error) {
	list, ok := texts(channels)
	if !ok {
		return nil, errChannels
	}
	one, present, ok := optionalText(channel)
	if !ok {
		return nil, errBadChannel
	}
	if present {
		list = append(list, one)
	}
	if len(list) == 0 {
		return nil, errNoChannel
	}
	return unique(list), nil
}

// unique drops later duplicates in place. Few names are compared with each other, many go through a map so that a
// hostile body costs no more than its length.
func unique(list []string) []string {
	kept := list[:0]
	if len(list) <= 16 {
		for _, s := range list {
			if !slices.Contains(kept, s) {
				kept = append(kept, s)
			}
		}
		return kept
	}
	seen := make(map[string]struct{}, len(list))
	for _, s := range list {
		if _, ok := seen[s]; !ok {
			seen[s] = struct{}{}
			kept = append(kept, s)
		}
	}
	return kept
}
