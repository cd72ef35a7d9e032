package redisbus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A connection is the way to Redis: one client for what is short and written, another for what may be long or waits, and for messages. Set once by open.
type connection struct {
	place   place
	writes  rueidis.Client
	reads   rueidis.Client
	version string
	evicts  string // what Redis throws away when it is full; "": nothing
}

// open connects and looks whether the server is fit.
func (c *connection) open(ctx context.Context) error {
	for _, client := range []*rueidis.Client{&c.writes, &c.reads} {
		option := c.place.option
		var err error
		*client, err = rueidis.NewClient(option)
		if err != nil {
			c.close()
			return err
		}
	}
	if err := c.fit(ctx); err != nil {
		c.close()
		return err
	}
	return nil
}

func (c *connection) close() {
	for _, client := range []*rueidis.Client{&c.writes, &c.reads} {
		if *client != nil {
			(*client).Close()
			*client = nil
		}
	}
}

// An unfit error does not go away by trying again.
type unfit struct{ error }

// fit reads the server's version.
func (c *connection) fit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	for _, node := range c.writes.Nodes() {
		info, err := node.Do(ctx, node.B().Info().Section("server", "memory").Build()).ToString()
		if err != nil {
			return err
		}
		for line := range strings.Lines(info) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); ok {
				c.version = v
			}
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:"); ok && v != "noeviction" {
				c.evicts = v
			}
		}
		major, _, _ := strings.Cut(c.version, ".")
		if n, err := strconv.Atoi(major); err == nil && n < 7 {
			return unfit{fmt.Errorf("redisbus: Redis %s: version 7 or later is needed", c.version)}
		}
	}
	return nil
}

// answered returns the error that Redis answered with, if err is one.
func answered(err error) (e *rueidis.RedisError, ok bool) {
	ok = errors.As(err, &e)
	return e, ok
}

// permanent reports whether trying again is of no use: the server is there and refuses.
func permanent(err error) bool {
	var u unfit
	if errors.As(err, &u) {
		return true
	}
	if e, ok := answered(err); ok && !passing(err) {
		word, _, _ := strings.Cut(e.Error(), " ")
		return word != "OOM" && word != "MISCONF" && word != "NOREPLICAS"
	}
	return false
}

// run runs a script and returns its answer.
func (c *connection) run(ctx context.Context, client rueidis.Client, s *script, keys, args []string) (rueidis.RedisMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	one := call{s, keys, args}
	r := client.Do(ctx, one.command(client, false))
	if unknown(r) {
		r = client.Do(ctx, one.command(client, true))
	}
	return r.ToMessage()
}

// runAll runs scripts in one go. Those of one partition keep their order only if none of them is new to the server.
func (c *connection) runAll(ctx context.Context, client rueidis.Client, calls []call) []rueidis.RedisResult {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	commands := make([]rueidis.Completed, len(calls))
	for i := range calls {
		commands[i] = calls[i].command(client, false)
	}
	results := client.DoMulti(ctx, commands...)
	for i := range results {
		if unknown(results[i]) {
			results[i] = client.Do(ctx, calls[i].command(client, true))
		}
	}
	return results
}

// outcome says of an error what it means for a write.
func outcome(err error) error {
	if err == nil {
		return nil
	}
	if _, refused := answered(err); refused {
		return backbone.ErrUnavailable
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return backbone.ErrUnavailable
	}
	return backbone.ErrUnknown
}

// broken reports whether an error is one of the connection, not an answer.
func broken(err error) bool {
	if err == nil {
		return false
	}
	_, answer := answered(err)
	return !answer
}

// ofBoard is what errors of the board's scripts begin with.
const ofBoard = "redisbus: board: "

// reason is err for people.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "Redis does not answer"
	}
	if e, ok := answered(err); ok {
		text, _, _ := strings.Cut(e.Error(), "script:")
		return "Redis: " + strings.TrimSpace(text)
	}
	return "Redis: " + strings.TrimPrefix(err.Error(), ofBoard)
}
