package natsbus

import (
	"errors"
	"math/rand/v2"
	"time"
)

// A checkup compares what was told of logs with what is in them, since the last message before a silence may get lost without anybody
// noticing: all topics every ten seconds or so, many with one question. It also keeps logs from being forgotten that are
// attached and nobody writes to.
const (
	checkEvery = 10 * time.Second
	checkMax   = 500 // topics a question; the server answers none above 1024
)

func (b *Bus) checkups() {
	defer close(b.checked)
	for {
		b.lookAtPeers()
		select {
		case <-b.done:
			return
		case <-time.After(b.checkEvery*3/4 + rand.N(b.checkEvery/2)):
		}
		b.writers.tidy()
		for _, l := range b.lanes {
			byStream := l.followed()
			for stream, all := range byStream {
				for len(all) > 0 {
					n := min(len(all), checkMax)
					b.check(l, stream, all[:n])
					all = all[n:]
				}
			}
		}
	}
}

// A followed is a topic and what was told of it last.
type followed struct {
	a   *attachment
	seq uint64
}

// followed asks the lane for the topics whose logs it follows, by stream.
func (l *lane) followed() map[string][]followed {
	answer := make(chan map[string][]followed, 1)
	l.post(func() {
		all := make(map[string][]followed)
		for _, a := range l.topics {
			if a.keep != nil && a.state == following {
				all[a.stream] = append(all[a.stream], followed{a, a.seq})
			}
		}
		answer <- all
	})
	select {
	case all := <-answer:
		return all
	case <-l.stopped:
		return nil
	}
}

func (b *Bus) check(l *lane, stream string, all []followed) {
	q := readRequest{MaxBytes: 64 << 20}
	bySubject := make(map[string]followed, len(all))
	for _, f := range all {
		q.Multi = append(q.Multi, f.a.subject)
		bySubject[f.a.subject] = f
	}
	old := time.Now().Add(-b.config.Logs.Age / 2)
	err := b.readSome(stream, q, func(k kept) {
		f, ok := bySubject[k.subject]
		if !ok {
			return
		}
		delete(bySubject, k.subject)
		switch {
		case k.seq > f.seq:
			l.post(func() {
				if !f.a.gone && f.a.state == following && f.a.seq < k.seq {
					l.fetch(f.a)
				}
			})
		case k.seq == f.seq && k.at.Before(old):
			// Whoever is first does it for all.
			if last, err := parseBatch(k.data, k.seq); err == nil {
				b.goes(func() { b.mark(stream, k.subject, &batch{epoch: last.epoch, first: last.head() + 1}, k.seq) })
			}
		}
	})
	if err != nil && !errors.Is(err, errNone) {
		return
	}
	// Nothing is left of the others, or a replica that is late answered.
	for _, f := range bySubject {
		l.post(func() {
			if !f.a.gone {
				l.fetch(f.a)
			}
		})
	}
}
