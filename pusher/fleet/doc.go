// Package fleet is what the nodes of a cluster tell each other for operators: how each of them is, what happens on it, and that a connection is to
// be closed wherever it is. docs/design/0010-operators-cluster.md has the reasons.
//
// A [Fleet] says things and hears things; it asks nothing and waits for nobody. All of it goes as messages that are kept nowhere, in envelopes
// of package cluster with JSON in their bodies, whose unknown members are skipped:
//
//	summary  on cluster.ControlTopic, every 2 s: a Summary
//	watch    on cluster.ControlTopic, every second while somebody watches: a wish
//	shown    on "!live/" and the incarnation of who wished: a shown
//	close    on cluster.ControlTopic: the socket id as its ID, the code in decimal as its body
package fleet
