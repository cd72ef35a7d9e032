package demo

import (
	"context"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// tickerChannel has the quotes of all symbols, each as an event called like the symbol: its rule keeps the newest of each.
const tickerChannel = "demo-ticker"

const (
	tickerBeat  = 100 * time.Millisecond
	tickerMoves = 60 // symbols that move at each beat
	// tickerLinger is how long it goes on when nobody looks: who lost the connection shall have missed something.
	tickerLinger = time.Minute
	// linePoints is how many prices a quote has, so that who comes sees where it has been.
	linePoints = 16
)

// A quote is one symbol. Owned by the ticker's goroutine.
type quote struct {
	name string
	line [linePoints]int // prices in cents, oldest first
	open int
}

// watchTicker starts the ticker unless it runs.
func (s *Site) watchTicker(url.Values) (any, error) {
	s.start(func() bool {
		fresh := !s.ticking
		s.ticking = true
		return fresh
	}, s.tick)
	return struct{}{}, nil
}

// otherBeat is how often it is seen to that somebody ticks who look on other nodes.
const otherBeat = 500 * time.Millisecond

// watchOthers starts the ticker when this is the node that is to tick and somebody looks, on whatever node.
func (s *Site) watchOthers(ctx context.Context) {
	beat := time.NewTicker(otherBeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
		}
		if s.cfg.Node.First() && s.occupied(tickerChannel) {
			_, _ = s.watchTicker(nil) // it has no error
		}
	}
}

// tick publishes quotes until nobody has looked for a while. Of the nodes of a cluster one ticks, or prices would jump to and fro.
func (s *Site) tick(ctx context.Context) {
	defer func() {
		s.mu.Lock()
		s.ticking = false
		s.mu.Unlock()
	}()
	quotes := newQuotes()
	beat := time.NewTicker(tickerBeat)
	defer beat.Stop()
	last := time.Now()
	for now := last; now.Sub(last) < tickerLinger && s.cfg.Node.First(); {
		if s.occupied(tickerChannel) {
			last = now
		}
		// Behind a subscriber that takes nothing, the ticker waits like any publisher.
		if s.cfg.Node.Admit(s.cfg.App, slices.Values([]string{tickerChannel})) == nil {
			s.move(quotes, now)
		}
		select {
		case <-ctx.Done():
			return
		case now = <-beat.C:
		}
	}
}

// move changes some quotes, and publishes them.
func (s *Site) move(quotes []quote, now time.Time) {
	var text []byte
	for range tickerMoves {
		q := &quotes[rand.IntN(len(quotes))]
		price := q.line[linePoints-1]
		copy(q.line[:], q.line[1:])
		q.line[linePoints-1] = max(100, price+int(rand.NormFloat64()*float64(price)/400))
		text = q.append(text[:0], now)
		s.send(tickerChannel, q.name, text)
	}
}

// append appends {"open":101.00,"at":1700000000123,"line":[101.02,…]}.
func (q *quote) append(dst []byte, now time.Time) []byte {
	dst = appendPrice(append(dst, `{"open":`...), q.open)
	dst = strconv.AppendInt(append(dst, `,"at":`...), now.UnixMilli(), 10)
	dst = append(dst, `,"line":[`...)
	for i, price := range q.line {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendPrice(dst, price)
	}
	return append(dst, "]}"...)
}

// appendPrice appends cents as a number with two decimals.
func appendPrice(dst []byte, cents int) []byte {
	return strconv.AppendFloat(dst, float64(cents)/100, 'f', 2, 64)
}

// newQuotes invents 240 symbols: two different syllables each, so that no name is that of a real company's share by design.
func newQuotes() []quote {
	syllables := []string{"AL", "BO", "CO", "DE", "EL", "FI", "GO", "HA", "IN", "JO", "KE", "LU", "MI", "NO", "OR", "PA"}
	var all []quote
	for _, first := range syllables {
		for _, second := range syllables {
			if first == second {
				continue
			}
			q := quote{name: first + second, open: 500 + rand.IntN(30000)}
			for i := range q.line {
				q.line[i] = q.open
			}
			all = append(all, q)
		}
	}
	return all
}
