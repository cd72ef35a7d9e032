package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
)

func TestAStuckLoopIsNotResponsive(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.Loops = 2 })
	patient, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Responsive(patient); err != nil {
		t.Errorf("before the first conn: %v", err)
	}
	dial(t, s)
	dial(t, s)
	if err := s.Responsive(patient); err != nil {
		t.Errorf("idle: %v", err)
	}
	release := make(chan struct{})
	s.Loops()[1].Post(func() { <-release })
	hasty, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Responsive(hasty); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a loop that is stuck: %v", err)
	}
	close(release)
	if err := s.Responsive(patient); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Responsive(patient); err != nil {
		t.Errorf("after Stop: %v", err)
	}
}
