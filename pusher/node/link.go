package node

// A link is what a channel has of the cluster, or is to have. Guarded by the topic's lock.
type link struct{}
