package natsbus

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// A serverLog passes on what the embedded server logs. Its notices are about its own life, which is ours: they are for debugging. What it
// complains about again and again, such as a server that it cannot reach, is logged once a minute.
type serverLog struct {
	log *slog.Logger
	now func() time.Time // time.Now, but in tests

	mu     sync.Mutex
	said   map[string]*complaint // at most maxComplaints
	recent string
	at     time.Time // of recent
}

// A complaint is what the server has said, but for the numbers in it, which count attempts.
type complaint struct {
	last time.Time // when it was logged
	more int       // how often it came since
}

const (
	repeatAfter   = time.Minute
	maxComplaints = 256
	troubleFor    = 30 * time.Second
)

func newServerLog(log *slog.Logger) *serverLog {
	return &serverLog{log: log, now: time.Now, said: make(map[string]*complaint)}
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(string, ...any)           {}
func (l *serverLog) Tracef(string, ...any)           {}
func (l *serverLog) Warnf(format string, v ...any)   { l.complain(l.log.Info, format, v) }

func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.mu.Lock()
	l.recent, l.at = text, l.now()
	l.mu.Unlock()
	l.complain(l.log.Warn, format, v)
}

// Fatalf does not end the process: a server that could not start is seen by who started it.
func (l *serverLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.mu.Lock()
	l.recent, l.at = text, l.now()
	l.mu.Unlock()
	l.log.Error(text)
}

// complain logs a complaint unless it was logged a moment ago.
func (l *serverLog) complain(log func(string, ...any), format string, v []any) {
	same := format
	for _, arg := range v {
		switch arg.(type) {
		case int, int64, uint64, uint32, time.Duration:
		default:
			same += fmt.Sprint("\x00", arg)
		}
	}
	now := l.now()
	l.mu.Lock()
	c := l.said[same]
	if c != nil && now.Sub(c.last) < repeatAfter {
		c.more++
		l.mu.Unlock()
		return
	}
	if c == nil {
		if len(l.said) == maxComplaints {
			clear(l.said)
		}
		c = new(complaint)
		l.said[same] = c
	}
	more := c.more
	c.last, c.more = now, 0
	l.mu.Unlock()
	text := fmt.Sprintf(format, v...)
	if more > 0 {
		log(text, "times_since_last_logged", more)
	} else {
		log(text)
	}
}

// trouble returns what the server last could not do, if that was a moment ago.
func (l *serverLog) trouble() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.recent == "" || l.now().Sub(l.at) > troubleFor {
		return "no other server of the cluster answers"
	}
	return l.recent
}
