//go:build !invariants

package engine

type goroutine struct{}

func (goroutine) set() {}

func (*Loop) assertOnLoop() {}

func (l *Loop) assertIdle(uint32) {}
