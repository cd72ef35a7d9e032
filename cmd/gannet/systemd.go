package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// tell tells systemd, if it has started us and wants to know, what has become of us.
func (s *server) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("tell systemd", "state", state, "err", err)
	}
}

// watch tells systemd that we are alive as long as every loop answers, if it asks for that by
// WatchdogSec, until ctx is done. Otherwise it kills us and starts anew.
func (s *server) watch(ctx context.Context) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("systemd's watchdog", "err", err)
	}
	if interval <= 0 {
		return
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		soon, cancel := context.WithTimeout(ctx, interval/2)
		err := s.engine.Responsive(soon)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			s.tell(daemon.SdNotifyWatchdog)
		default:
			s.log.Error("a loop does not answer", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
