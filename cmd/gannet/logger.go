package main

import (
	"io"
	"log/slog"
)

// Logger returns the process's logger, which writes lines of Log.Format to w.
func (c *Config) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel()}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// LogLevel returns Log.Level as slog has it. Load has checked it.
func (c *Config) LogLevel() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return slog.LevelInfo
	}
	return level
}
