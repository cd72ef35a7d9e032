package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// Subjects, below the prefix:
//
//	f.<token>            messages
//	h<shard>.<token>     writes to logs; what comes of them is republished as
//	l.<token>            what is new in logs
//	b.<incarnation>      writes to the board, and b.~ its epoch; republished as
//	n.<incarnation>      what is new on the board
//	sync                 barriers
func (b *Bus) messages(token string) string { return b.config.Prefix + ".f." + token }
func (b *Bus) news(token string) string     { return b.config.Prefix + ".l." + token }

// log returns the stream of a topic's log and the subject that is written to.
func (b *Bus) logOf(topic, token string) (stream, subject string) {
	shard := strconv.Itoa(int(hash(topic) % uint32(b.config.Shards)))
	return b.config.Prefix + "-log" + shard, b.config.Prefix + ".h" + shard + "." + token
}

func (b *Bus) boardStream() string { return b.config.Prefix + "-board" }

type streamConfig struct {
	Name        string         `json:"name"`
	Subjects    []string       `json:"subjects"`
	Retention   string         `json:"retention"`
	Discard     string         `json:"discard"`
	Storage     string         `json:"storage"`
	Replicas    int            `json:"num_replicas"`
	MaxConsum   int            `json:"max_consumers"`
	MaxMsgs     int64          `json:"max_msgs"`
	MaxMsgsPer  int64          `json:"max_msgs_per_subject"`
	MaxBytes    int64          `json:"max_bytes"`
	MaxAge      time.Duration  `json:"max_age"`
	MaxMsgSize  int32          `json:"max_msg_size"`
	Duplicates  time.Duration  `json:"duplicate_window"`
	AllowDirect bool           `json:"allow_direct"`
	Republish   *republish     `json:"republish,omitempty"`
	Metadata    map[string]any `json:"metadata,omitempty"`
}

type republish struct {
	Source string `json:"src"`
	Dest   string `json:"dest"`
}

// streams makes sure that all streams are there, as long as it takes: what is asked before there is a leader gets lost.
func (b *Bus) streams(ctx context.Context) error {
	p := b.config.Prefix
	all := []streamConfig{{
		Name: b.boardStream(), Subjects: []string{p + ".b.>"}, MaxMsgsPer: -1, MaxBytes: -1,
		Republish: &republish{p + ".b.>", p + ".n.>"},
	}}
	for i := range b.config.Shards {
		h := fmt.Sprint(p, ".h", i, ".>")
		all = append(all, streamConfig{
			Name: fmt.Sprint(p, "-log", i), Subjects: []string{h},
			MaxMsgsPer: int64(b.config.Logs.Events), MaxAge: b.config.Logs.Age, MaxBytes: b.config.Logs.Bytes,
			Republish: &republish{h, p + ".l.>"},
		})
	}
	for _, c := range all {
		c.Retention, c.Discard, c.Storage, c.Replicas, c.AllowDirect = "limits", "old", "file", b.config.Replicas, true
		c.MaxConsum, c.MaxMsgs, c.MaxMsgSize = -1, -1, -1
		c.Duplicates = time.Second // nothing relies on it
		if c.MaxAge > 0 {
			c.Duplicates = min(c.Duplicates, c.MaxAge)
		}
		for {
			err := b.stream(c)
			if err == nil {
				break
			}
			var refused *apiError
			if errors.As(err, &refused) && refused.Code < 500 && refused.ErrCode != codeNoStream && refused.ErrCode != codeNoPeers {
				return fmt.Errorf("natsbus: stream %s: %w", c.Name, err)
			}
			b.log.Debug("stream not ready", "stream", c.Name, "error", err)
			select {
			case <-ctx.Done():
				return fmt.Errorf("natsbus: stream %s: %w; and then: %w", c.Name, err, context.Cause(ctx))
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// remake makes streams that are not there any more, if that can be done now.
func (b *Bus) remake() {
	ctx, cancel := context.WithTimeout(context.Background(), attempt)
	defer cancel()
	if err := b.streams(ctx); err != nil {
		b.log.Debug("streams", "error", err)
	}
}

// stream makes one stream, or changes it when it is not as it is to be.
func (b *Bus) stream(c streamConfig) error {
	info, err := b.ask("INFO", c.Name, nil)
	var refused *apiError
	if errors.As(err, &refused) && refused.ErrCode == codeNoStream {
		_, err = b.ask("CREATE", c.Name, c)
		return err
	}
	if err != nil {
		return err
	}
	is := info.Config
	if is.Replicas == c.Replicas && is.MaxMsgsPer == c.MaxMsgsPer && is.MaxAge == c.MaxAge && is.MaxBytes == c.MaxBytes &&
		is.AllowDirect == c.AllowDirect && is.Republish != nil && *is.Republish == *c.Republish {
		return nil
	}
	b.log.Info("stream is changed", "stream", c.Name)
	_, err = b.ask("UPDATE", c.Name, c)
	return err
}

// A streamInfo is what JetStream says about a stream.
type streamInfo struct {
	Config  streamConfig `json:"config"`
	Cluster *struct {
		Leader   string `json:"leader"`
		Replicas []struct {
			Name    string `json:"name"`
			Current bool   `json:"current"`
		} `json:"replicas"`
	} `json:"cluster"`
	Error *apiError `json:"error"`
}

// names returns the servers that keep the stream, if there is more than one.
func (i *streamInfo) names() (all []string) {
	if i.Cluster == nil || i.Cluster.Leader == "" {
		return nil
	}
	for _, r := range i.Cluster.Replicas {
		all = append(all, r.Name)
	}
	return append(all, i.Cluster.Leader)
}

// ask asks JetStream something about a stream.
func (b *Bus) ask(verb, name string, body any) (*streamInfo, error) {
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body)
	}
	// Only the leader of the meta group answers, and not before it is chosen.
	m, err := b.requests.do(&nats.Msg{Subject: b.api + "STREAM." + verb + "." + name, Data: data}, 500*time.Millisecond)
	if err != nil {
		return nil, err
	}
	info := new(streamInfo)
	if err := json.Unmarshal(m.Data, info); err != nil {
		return nil, err
	}
	if info.Error != nil {
		return nil, info.Error
	}
	return info, nil
}

// purge removes the messages of a subject before the sequence upTo; 0: all.
func (b *Bus) purge(stream, subject string, upTo uint64) error {
	body, _ := json.Marshal(struct {
		Filter string `json:"filter"`
		Seq    uint64 `json:"seq,omitempty"`
	}{subject, upTo})
	m, err := b.requests.do(&nats.Msg{Subject: b.api + "STREAM.PURGE." + stream, Data: body}, 5*time.Second)
	if err != nil {
		return err
	}
	var answer struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return answer.Error
	}
	return nil
}
