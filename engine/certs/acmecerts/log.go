package acmecerts

import (
	"context"
	"log/slog"

	"go.uber.org/zap/zapcore"
)

// bridge takes certmagic's lines to the server's log. What it calls information is of
// interest to those who look for a fault.
type bridge struct {
	log    *slog.Logger
	fields []zapcore.Field
}

func levelOf(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l >= zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

func (b *bridge) Enabled(l zapcore.Level) bool {
	return b.log.Enabled(context.Background(), levelOf(l))
}

func (b *bridge) With(fields []zapcore.Field) zapcore.Core {
	return &bridge{log: b.log, fields: append(b.fields[:len(b.fields):len(b.fields)], fields...)}
}

func (b *bridge) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) {
		return c.AddCore(e, b)
	}
	return c
}

func (b *bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range append(b.fields[:len(b.fields):len(b.fields)], fields...) {
		f.AddTo(values)
	}
	attrs := make([]any, 0, 2*len(values.Fields))
	for _, f := range append(b.fields[:len(b.fields):len(b.fields)], fields...) {
		if v, ok := values.Fields[f.Key]; ok {
			attrs = append(attrs, f.Key, v)
		}
	}
	b.log.Log(context.Background(), levelOf(e.Level), "acme: "+e.Message, attrs...)
	return nil
}

func (b *bridge) Sync() error { return nil }
