//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, response.Status)
	}
	return string(body), nil
}

// sample returns the value of a metric, or of the last field of a line that begins with it.
func sample(text, name string) (float64, bool) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			fields := strings.Fields(rest)
			v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			return v, err == nil
		}
	}
	return 0, false
}

// buckets are of a cumulative histogram: how many were not above a bound.
type buckets map[float64]float64

// histogram reads how long publishes took until their last send. It is empty of other servers.
func histogram(ctx context.Context, s *server) buckets {
	all := make(buckets)
	if s.metrics == "" {
		return all
	}
	text, err := get(ctx, s.metrics)
	if err != nil {
		return all
	}
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, `gannet_hub_publish_to_sent_seconds_bucket{le="`)
		bound, value, cut := strings.Cut(rest, `"} `)
		if !ok || !cut {
			continue
		}
		le, err1 := strconv.ParseFloat(bound, 64)
		n, err2 := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err1 == nil && err2 == nil {
			all[le] = n
		}
	}
	return all
}

func (b buckets) since(before buckets) buckets {
	all := make(buckets, len(b))
	for le, n := range b {
		all[le] = n - before[le]
	}
	return all
}

// quantile returns the bound that a part q of all is not above; NaN of nothing.
func (b buckets) quantile(q float64) float64 {
	total := b[math.Inf(1)]
	if total <= 0 {
		return math.NaN()
	}
	var bounds []float64
	for le := range b {
		bounds = append(bounds, le)
	}
	slices.Sort(bounds)
	for _, le := range bounds {
		if b[le] >= q*total {
			return le
		}
	}
	return math.Inf(1)
}

// heapPerSubscription holds conns on one channel each, then, in another process, on 21, and
// looks at the live heap.
func heapPerSubscription(sc scale) func(context.Context, *bench, *server, *record) error {
	return func(ctx context.Context, b *bench, s *server, r *record) error {
		clients := sc.subscribers(15_000)
		const further = 20
		empty, one, err := b.heldHeap(ctx, s, clients, 1)
		if err != nil {
			return err
		}
		s, err = b.start(ctx, s.name)
		if err != nil {
			return err
		}
		defer s.stop()
		_, many, err := b.heldHeap(ctx, s, clients, 1+further)
		if err != nil {
			return err
		}
		r.Values["conn"] = (one - empty) / float64(clients)
		r.Values["subscription"] = (many - one) / float64(clients*further)
		return nil
	}
}

// heldHeap returns the server's live heap before the first conn and with all of them.
func (b *bench) heldHeap(ctx context.Context, s *server, clients, each int) (before, after float64, err error) {
	if before, err = s.liveHeap(ctx); err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, err := b.generate(ctx, s, false, "idle", "--subscribers", strconv.Itoa(clients), "--channels", "1000",
		"--per-client", strconv.Itoa(each), "--settle", "100ms", "--duration", "60s")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _, _ = g.finish() }() // it is killed
	defer cancel()
	for patience := time.Now().Add(time.Minute); ; {
		text, err := get(ctx, s.metrics)
		if err != nil {
			return 0, 0, err
		}
		if n, _ := sample(text, "gannet_hub_subscriptions"); int(n) == clients*each {
			break
		}
		if time.Now().After(patience) {
			return 0, 0, fmt.Errorf("no %d subscriptions after a minute", clients*each)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return 0, 0, err
		}
	}
	after, err = s.liveHeap(ctx)
	return before, after, err
}

// liveHeap returns the bytes in use on the heap after two collections: what a pool holds goes
// with the second.
func (s *server) liveHeap(ctx context.Context) (float64, error) {
	if _, err := get(ctx, s.heap); err != nil {
		return 0, err
	}
	text, err := get(ctx, s.heap)
	if err != nil {
		return 0, err
	}
	v, ok := sample(text, "# HeapAlloc")
	if !ok {
		return 0, errors.New("a heap profile without HeapAlloc")
	}
	return v, nil
}
