package node

import (
	"fmt"
	"runtime/debug"
)

// shared is deferred by whatever changes state that connections share. A panic there has left
// a count or a roster that cannot be trusted; the doors, which survive a panic while serving one
// client, must not survive this one. So the process ends, with the stack, and whoever supervises it
// starts a clean one.
func shared() {
	if p := recover(); p != nil {
		stack := debug.Stack()
		go func() { panic(fmt.Sprintf("node: %v\n\n%s", p, stack)) }()
		select {} // the caller must not go on
	}
}
