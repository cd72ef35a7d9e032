//go:build !invariants

package engine

type goroutine struct{}

func (goroutine) set() {}

func (*Loop) assertOnLoop() {}
