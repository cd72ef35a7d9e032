package natsbus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Answers that JetStream did not give.
var (
	errTimeout     = errors.New("no answer") // it may have been done
	errNoResponder = errors.New("nobody answers")
	errSend        = errors.New("cannot be sent")
)

// requests sends requests and takes answers to where they are waited for. One subscription serves all.
type requests struct {
	conn   *nats.Conn
	prefix string // of the subjects of answers
	sub    *nats.Subscription

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]*request
}

type request struct {
	// take gets each answer, and is done when it returns true; or once an error, with nil.
	take  func(m *nats.Msg, err error) bool
	timer *time.Timer
}

func newRequests(conn *nats.Conn) (*requests, error) {
	r := &requests{conn: conn, prefix: nats.NewInbox() + ".", waiting: make(map[uint64]*request)}
	var err error
	if r.sub, err = conn.Subscribe(r.prefix+"*", r.answer); err != nil {
		return nil, err
	}
	// Many answers of up to maxPayload can be on their way at once.
	return r, r.sub.SetPendingLimits(1<<20, 1<<30)
}

func (r *requests) answer(m *nats.Msg) {
	id, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, r.prefix), 36, 64)
	if err != nil {
		return
	}
	r.mu.Lock()
	q := r.waiting[id]
	r.mu.Unlock()
	if q == nil {
		return
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		r.end(id, errNoResponder)
		return
	}
	if q.take(m, nil) {
		r.drop(id)
	}
}

// expect has take called with what comes in answer to the subject that it returns.
func (r *requests) expect(timeout time.Duration, take func(m *nats.Msg, err error) bool) (reply string, id uint64) {
	r.mu.Lock()
	r.next++
	id = r.next
	q := &request{take: take}
	r.waiting[id] = q
	q.timer = time.AfterFunc(timeout, func() { r.end(id, errTimeout) })
	r.mu.Unlock()
	return r.prefix + strconv.FormatUint(id, 36), id
}

// drop forgets a request and reports whether it was still waited for.
func (r *requests) drop(id uint64) *request {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.waiting[id]
	if q != nil {
		delete(r.waiting, id)
		q.timer.Stop()
	}
	return q
}

// end gives up a request.
func (r *requests) end(id uint64, err error) {
	if q := r.drop(id); q != nil {
		q.take(nil, err)
	}
}

// do sends a request and waits for one answer.
func (r *requests) do(m *nats.Msg, timeout time.Duration) (*nats.Msg, error) {
	type result struct {
		m   *nats.Msg
		err error
	}
	done := make(chan result, 1)
	reply, id := r.expect(timeout, func(m *nats.Msg, err error) bool {
		done <- result{m, err}
		return true
	})
	m.Reply = reply
	if err := r.conn.PublishMsg(m); err != nil {
		if r.drop(id) == nil {
			<-done
		}
		return nil, fmt.Errorf("%w: %w", errSend, err)
	}
	answer := <-done
	return answer.m, answer.err
}

// close gives up everything.
func (r *requests) close() {
	r.mu.Lock()
	var ids []uint64
	for id := range r.waiting {
		ids = append(ids, id)
	}
	r.mu.Unlock()
	for _, id := range ids {
		r.end(id, errTimeout)
	}
}

// An apiError is what JetStream says is wrong.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return e.Description }

// Codes of JetStream's errors.
const (
	codeNoPeers       = 10005 // servers that are to keep a stream have not been heard of yet
	codeNoMessage     = 10037
	codeNoStream      = 10059
	codeWrongSequence = 10071 // the subject's last message is another
	codeInFlight      = 10164 // as above, another write to the subject is under way
)

// conflict reports whether a write was refused because another one came before it.
func conflict(err error) bool {
	var e *apiError
	return errors.As(err, &e) && (e.ErrCode == codeWrongSequence || e.ErrCode == codeInFlight)
}

// acked reads the answer to a write.
func acked(m *nats.Msg, err error) (seq uint64, _ error) {
	if err != nil {
		return 0, err
	}
	var ack struct {
		Seq   uint64    `json:"seq"`
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return 0, fmt.Errorf("answer to a write: %w", err)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	return ack.Seq, nil
}

const expectHeader = "Nats-Expected-Last-Subject-Sequence"

// write makes the message of a write that is refused unless the subject's last message has the sequence last; 0: there is none.
func write(subject string, last uint64, data []byte) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: data, Header: nats.Header{expectHeader: {strconv.FormatUint(last, 10)}}}
}
