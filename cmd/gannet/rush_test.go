package main_test

import (
	"slices"
	"testing"

	main "github.com/gannet-io/gannet/cmd/gannet"
)

func TestGarbageIsCollectedMoreOftenDuringARushAndNotLongAfter(t *testing.T) {
	conns, sets := 0, []int{}
	look := main.NewRush(200, &conns, func(percent int) { sets = append(sets, percent) })
	for _, step := range []struct {
		what  string
		grow  int
		looks int
		want  []int // all that was set so far
	}{
		{"a trickle", 49, 10, nil},
		{"a rush begins", 50, 1, []int{25}},
		{"it goes on", 500, 10, []int{25}},
		{"a lull", 0, 19, []int{25}},
		{"more come", 60, 1, []int{25}},
		{"many leave", -100, 19, []int{25}},
		{"and it is over", 0, 1, []int{25, 200}},
		{"calm", 10, 50, []int{25, 200}},
		{"another", 50, 1, []int{25, 200, 25}},
	} {
		for range step.looks {
			conns += step.grow
			look()
		}
		if !slices.Equal(sets, step.want) {
			t.Fatalf("%s: set %v, want %v", step.what, sets, step.want)
		}
	}
}
