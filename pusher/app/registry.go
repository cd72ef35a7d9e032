package app

import (
	"context"
	"errors"
)

// ErrNotFound is what a Registry answers for a key or id that no app has. Test for it with errors.Is.
var ErrNotFound = errors.New("app: not found")

// A Registry looks apps up.
//
// Both methods answer with an App that the caller shares and must not change, or with an error: ErrNotFound when there
// is no such app, anything else when the registry could not tell, which must not be reported to a client as an unknown
// app. Keys and ids match exactly, byte for byte; neither is found by the other's method. A disabled app is found. Two
// look-ups may return different pointers for the same app. Any goroutine. May block; gives up with the context's error
// when ctx ends.
type Registry interface {
	ByKey(ctx context.Context, key string) (*App, error)
	ByID(ctx context.Context, id string) (*App, error)
}
