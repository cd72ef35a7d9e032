package natsbus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// A kept is a message of a stream.
type kept struct {
	subject string
	seq     uint64
	at      time.Time
	data    []byte
}

// errNone says that a stream has no such message, by the word of its leader.
var errNone = errors.New("no such message")

// attempt is how long an answer of JetStream is waited for. One that gets lost in an election must not cost much.
const attempt = time.Second

type readRequest struct {
	Seq      uint64   `json:"seq,omitempty"`
	Last     string   `json:"last_by_subj,omitempty"`
	Next     string   `json:"next_by_subj,omitempty"`
	Batch    int      `json:"batch,omitempty"`
	MaxBytes int      `json:"max_bytes,omitempty"`
	Multi    []string `json:"multi_last,omitempty"`
}

// lastOf asks the stream's leader for the last message of a subject.
func (b *Bus) lastOf(stream, subject string) (kept, error) {
	return b.leaderRead(stream, readRequest{Last: subject})
}

// nextOf asks the stream's leader for the first message of a subject, which may have wildcards, from seq on.
func (b *Bus) nextOf(stream, subject string, seq uint64) (kept, error) {
	return b.leaderRead(stream, readRequest{Next: subject, Seq: max(seq, 1)})
}

func (b *Bus) leaderRead(stream string, q readRequest) (kept, error) {
	body, _ := json.Marshal(q)
	m, err := b.requests.do(&nats.Msg{Subject: b.api + "STREAM.MSG.GET." + stream, Data: body}, attempt)
	if err != nil {
		return kept{}, fmt.Errorf("read of %s: %w", stream, err)
	}
	var answer struct {
		Error   *apiError `json:"error"`
		Message *struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return kept{}, fmt.Errorf("read of %s: %w", stream, err)
	}
	if e := answer.Error; e != nil {
		if e.ErrCode == codeNoMessage {
			return kept{}, errNone
		}
		return kept{}, fmt.Errorf("read of %s: %w", stream, e)
	}
	if answer.Message == nil {
		return kept{}, fmt.Errorf("read of %s: empty answer", stream)
	}
	g := answer.Message
	return kept{g.Subject, g.Seq, g.Time, g.Data}, nil
}

// readUpTo visits the messages of a subject, which may have wildcards, from the sequence from to upTo, in order. There must be one at upTo.
//
// Any replica answers, fast but maybe late: it may not have the end yet. Then the leader does.
func (b *Bus) readUpTo(stream, subject string, from, upTo uint64, visit func(k kept)) error {
	for from <= upTo {
		before := from
		err := b.readSome(stream, readRequest{Next: subject, Seq: from, Batch: 512, MaxBytes: 4 << 20}, func(k kept) {
			if k.seq >= from && k.seq <= upTo {
				visit(k)
				from = k.seq + 1
			}
		})
		if err != nil && !errors.Is(err, errNone) {
			return err
		}
		if from > before {
			continue
		}
		k, err := b.nextOf(stream, subject, from)
		if errors.Is(err, errNone) {
			return nil // it has been removed since
		}
		if err != nil {
			return err
		}
		if k.seq > upTo {
			return nil
		}
		visit(k)
		from = k.seq + 1
	}
	return nil
}

// readSome asks any replica for several messages. visit gets those that come, in order.
func (b *Bus) readSome(stream string, q readRequest, visit func(k kept)) error {
	body, _ := json.Marshal(q)
	done := make(chan error, 1)
	got := make(chan kept, 1024)
	reply, id := b.requests.expect(5*attempt, func(m *nats.Msg, err error) bool {
		if err != nil {
			done <- err
			return true
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204":
			done <- nil
			return true
		case "404":
			done <- errNone
			return true
		default:
			done <- fmt.Errorf("read of %s: %s %s", stream, status, m.Header.Get("Description"))
			return true
		}
		seq, at := place(m)
		got <- kept{m.Header.Get("Nats-Subject"), seq, at, m.Data}
		return false
	})
	if err := b.conn.PublishMsg(&nats.Msg{Subject: b.api + "DIRECT.GET." + stream, Reply: reply, Data: body}); err != nil {
		b.requests.drop(id)
		return fmt.Errorf("%w: %w", errSend, err)
	}
	for {
		select {
		case k := <-got:
			visit(k)
		case err := <-done:
			for {
				select {
				case k := <-got:
					visit(k)
					continue
				default:
				}
				return err
			}
		}
	}
}

// place returns the sequence and time of a message that came from a stream.
func place(m *nats.Msg) (seq uint64, at time.Time) {
	seq, _ = strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	at, _ = time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	return seq, at
}
