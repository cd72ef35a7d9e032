package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

type checkCommand struct {
	File string `arg:"" help:"Configuration file."`
}

// Help is shown by "gannet check --help" between the summary and the arguments.
func (*checkCommand) Help() string {
	return `Reads FILE as "gannet serve --config FILE" would, with the environment over it. Prints each problem with
its line and column and exits 1, or prints a summary and exits 0. Secrets are never printed.

Example:

  gannet check gannet.yaml && systemctl restart gannet`
}

// Run prints a summary of the file, or fails with what is wrong with it.
func (c *checkCommand) Run(t *terminal) error {
	cfg, err := Load(Sources{File: c.File, Environ: t.environ, Files: true})
	if err != nil {
		return err
	}
	summarize(t.out, c.File, cfg)
	return nil
}

func summarize(w io.Writer, file string, cfg *Config) {
	for _, warning := range cfg.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	fmt.Fprintf(w, "%s is fine\n", file)
	// As one would begin a URL, where there is one.
	place := func(address string) string {
		if _, _, err := net.SplitHostPort(address); err != nil || strings.HasPrefix(address, "unix:") || strings.HasPrefix(address, "systemd:") {
			return address
		}
		return address + cfg.PathPrefix
	}
	for i := range cfg.Listen {
		fmt.Fprintf(w, "  listen  %s\n", place(cfg.Listen[i].Address))
	}
	if cfg.REST.Listen != "" {
		fmt.Fprintf(w, "  rest    %s\n", place(cfg.REST.Listen))
	}
	if cfg.Admin.Listen != "" {
		fmt.Fprintf(w, "  admin   %s\n", cfg.Admin.Listen)
	}
	for _, line := range summarizeTLS(cfg) {
		fmt.Fprintf(w, "  tls     %s\n", line)
	}
	if cfg.clustered() {
		fmt.Fprintf(w, "  cluster %s\n", summarizeCluster(cfg))
	}
	fmt.Fprintf(w, "  apps    %d\n", len(cfg.Apps))
	for i := range cfg.Apps {
		fmt.Fprintf(w, "    %s\n", describe(&cfg.Apps[i]))
	}
}

// describe says in one line what distinguishes an app from a new one.
func describe(a *AppConfig) string {
	var names []string
	for _, pair := range a.pairs() {
		names = append(names, pair.Key)
	}
	parts := []string{a.ID + ": key " + strings.Join(names, ", then ")}
	add := func(on bool, text string) {
		if on {
			parts = append(parts, text)
		}
	}
	usual := DefaultApp()
	add(!a.Enabled, "disabled")
	add(a.ClientEvents, "client events")
	add(a.RequireSignIn, "sign-in required within "+limitText(a.Limits.SignInTimeout))
	add(a.SubscriptionCount, "subscription counts")
	add(a.Watchlist, "watchlists")
	add(len(a.Origins) > 0, "origins "+strings.Join(a.Origins, " "))
	var hooks []string
	for i := range a.Webhooks {
		hook := a.Webhooks[i].webhook()
		hooks = append(hooks, hook.Name)
	}
	add(len(hooks) > 0, "webhooks "+strings.Join(hooks, " "))
	add(a.Limits.Connections > 0, fmt.Sprintf("at most %d connections", a.Limits.Connections))
	add(a.Limits != usual.Limits, "own limits")
	add(a.Compat != usual.Compat, "departs from Pusher")
	return strings.Join(parts, "; ")
}

func limitText(d time.Duration) string {
	if d == 0 {
		return "any time"
	}
	return formatDuration(d)
}
