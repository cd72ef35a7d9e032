package session

import "unsafe"

const (
	Size             = unsafe.Sizeof(Session{})
	SubscriptionSize = unsafe.Sizeof(subscription{})
)
