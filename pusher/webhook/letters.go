package webhook

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook/journal"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
	"github.com/gannet-io/gannet/pusher/wire"
)

// What the methods below are asked for in vain.
var (
	ErrNoWebhook = errors.New("there is no such webhook")
	ErrNoLetter  = errors.New("there is no such dead letter")
)

var errEnded = errors.New("webhook: the sender has ended")

// A Selection says which dead letters are meant: those with one of the IDs, or if there are none all of an app, or of one of
// its webhooks, or simply all.
type Selection struct {
	IDs          []string
	App, Webhook string
}

// page is how many dead letters are handled at once.
const page = 100

// Dead returns dead letters, the latest first, that come after the one called before; "": from the first. limit is at
// least 1. Any goroutine. May block.
func (s *Sender) Dead(sel Selection, before string, limit int) ([]*outbox.Dead, error) {
	q := journal.Query{App: sel.App, Webhook: sel.Webhook, Limit: limit}
	if before != "" {
		seq, err := s.seq(before)
		if err != nil {
			return nil, err
		}
		q.Before = seq
	}
	if len(sel.IDs) == 0 {
		return s.cfg.Journal.Dead(q)
	}
	var all []*outbox.Dead
	for _, id := range sel.IDs {
		seq, err := s.seq(id)
		if err != nil {
			return nil, err
		}
		dead, err := s.cfg.Journal.Dead(journal.Query{Seq: seq, App: sel.App, Webhook: sel.Webhook})
		if err != nil {
			return nil, err
		}
		if len(dead) == 0 {
			return nil, fmt.Errorf("%w: %s", ErrNoLetter, id)
		}
		all = append(all, dead...)
	}
	return all, nil
}

// seq returns the Seq of a delivery's name.
func (s *Sender) seq(id string) (uint64, error) {
	number, ok := strings.CutPrefix(id, s.instance+"-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || seq == 0 {
		return 0, fmt.Errorf("%w: %s", ErrNoLetter, id)
	}
	return seq, nil
}

// Replay sends dead letters again, the oldest first. It stops at the first that cannot be, because its queue is full or its webhook
// gone; those before it are on their way, and counted. Any goroutine. May block.
func (s *Sender) Replay(ctx context.Context, sel Selection) (n int, err error) {
	s.replaying.Lock()
	defer s.replaying.Unlock()
	seqs, err := s.chosen(sel)
	if err != nil {
		return 0, err
	}
	for len(seqs) > 0 && err == nil {
		some := seqs[:min(page, len(seqs))]
		seqs = seqs[len(some):]
		var m int
		m, err = s.revive(ctx, some)
		n += m
	}
	return n, err
}

// chosen returns the Seqs of a selection, the oldest first.
func (s *Sender) chosen(sel Selection) (seqs []uint64, err error) {
	dead, err := s.Dead(sel, "", 0)
	if err != nil {
		return nil, err
	}
	for i := len(dead) - 1; i >= 0; i-- {
		seqs = append(seqs, dead[i].Seq)
	}
	return seqs, nil
}

// revive puts dead letters into their queues and waits until that is stored.
func (s *Sender) revive(ctx context.Context, seqs []uint64) (n int, err error) {
	var dead []*outbox.Dead
	for _, seq := range seqs {
		found, err := s.cfg.Journal.Dead(journal.Query{Seq: seq})
		if err != nil {
			return 0, err
		}
		dead = append(dead, found...) // or it has gone meanwhile
	}
	var taken int
	var refused error
	stored := make(chan error, 1)
	err = s.ask(ctx, func(now time.Time) {
		for _, d := range dead {
			if refused = s.box.Replay(d.Batch, now); refused != nil {
				refused = fmt.Errorf("%s, webhook %q of app %q: %w", s.id(d.Seq), d.Webhook, d.App, refused)
				break
			}
			taken++
		}
		s.waiters = append(s.waiters, stored)
	})
	if err != nil {
		return 0, err // and what the dispatcher writes must not be looked at
	}
	select {
	case err = <-stored:
	case <-s.ended:
		err = errEnded
	}
	return taken, errors.Join(refused, err)
}

// Discard forgets dead letters for good. Any goroutine. May block.
func (s *Sender) Discard(sel Selection) (int, error) {
	s.replaying.Lock()
	defer s.replaying.Unlock()
	seqs, err := s.chosen(sel)
	if err != nil || len(seqs) == 0 {
		return 0, err
	}
	return s.cfg.Journal.Discard(seqs)
}

// Test sends a sample of one kind of event to a webhook, past its queue, and returns what was sent and what came back.
// Any goroutine. May block, at most for the webhook's timeout.
func (s *Sender) Test(ctx context.Context, appID, hook string, kind pusher.Hook) (body string, a Answer, err error) {
	r := s.receivers[hookName{appID, hook}]
	if r == nil {
		return "", Answer{}, ErrNoWebhook
	}
	body, a = r.test(ctx, kind)
	return body, a, nil
}

// Test sends a sample to one webhook of an app without a Sender, as Sender.Test does.
func Test(ctx context.Context, a *app.App, hook *app.Webhook, targets Targets, agent string, kind pusher.Hook) (body string, answer Answer, err error) {
	r, err := newReceiver(a, hook, &targets, agent)
	if err != nil {
		return "", Answer{}, err
	}
	defer r.close()
	body, answer = r.test(ctx, kind)
	return body, answer, nil
}

func (r *receiver) test(ctx context.Context, kind pusher.Hook) (body string, a Answer) {
	now := time.Now()
	e := sample(r.hook, kind)
	d := &delivery{id: testID(), attempt: 1, created: now, events: wire.AppendHookEvent(nil, &e)}
	a = r.send(ctx, d, now)
	return string(wire.AppendWebhook(nil, now.UnixMilli(), d.events)), a
}

func testID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return "test-" + hex.EncodeToString(b[:])
}

// sample returns an event of a kind as hook might get it.
func sample(hook *app.Webhook, kind pusher.Hook) wire.HookEvent {
	e := wire.HookEvent{Hook: kind}
	prefix := hook.Prefix
	switch kind {
	case pusher.HookMemberAdded, pusher.HookMemberRemoved:
		e.UserID = "gannet-test"
		if prefix == "" {
			prefix = "presence-"
		}
	case pusher.HookClientEvent:
		e.Event, e.Data, e.SocketID = "client-gannet-test", []byte(`{"hello":"world"}`), pusher.SocketID{First: 1, Second: 1}
		if prefix == "" {
			prefix = "private-"
		}
	case pusher.HookCacheMiss:
		if prefix == "" {
			prefix = "cache-"
		}
	case pusher.HookCount:
		e.Count = 1
	}
	e.Channel = prefix + "gannet-test" + hook.Suffix
	return e
}
