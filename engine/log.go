package engine

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// gnetLog passes gnet's complaints on. Its informational lines are dropped: a server is
// quiet while all is well.
type gnetLog struct{ log *slog.Logger }

func (g gnetLog) Debugf(string, ...any)          {}
func (g gnetLog) Infof(string, ...any)           {}
func (g gnetLog) Warnf(format string, a ...any)  { g.log.Warn(fmt.Sprintf(format, a...)) }
func (g gnetLog) Errorf(format string, a ...any) { g.log.Error(fmt.Sprintf(format, a...)) }
func (g gnetLog) Fatalf(format string, a ...any) { g.log.Error(fmt.Sprintf(format, a...)) }

// logPanic logs a panic with the stack of its goroutine, but no flood of them: who can cause one can do so again. Any goroutine.
func (e *Engine) logPanic(text string, p any) {
	if say, unsaid := e.panics.Tell(time.Now()); say {
		e.cfg.Log.Error(text, "panic", p, "unlogged", unsaid, "stack", string(debug.Stack()))
	}
}
