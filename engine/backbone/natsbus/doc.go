// Package natsbus is a backbone.Bus over NATS JetStream: nats-server in the node's own process, connected with those of other nodes, or servers that run by themselves.
//
// # Messages
//
// A topic's messages are core NATS messages on one subject. A node subscribes while the topic is attached, and the servers carry a message
// only to where somebody is subscribed. See barrier for when a subscription counts.
//
// # Logs
//
// Logs are spread over several streams by their topics' hashes; each topic has a subject. One message of the stream is a [batch], and it is
// written on condition that the subject's last message is the one that the writer knows, so a batch says the offsets of its messages itself and
// they are right. The stream's leader republishes each batch; receivers check that it joins on to the one before, fetch what is missing, and tell the
// tail anew if it cannot be fetched. The epoch stands in each batch. It is new whenever there is nothing to join on to: the first batch of a
// subject, since all before it were forgotten or lost, begins one; and a node that sees less in a log than it was told already
// begins one, too. For that not to happen to a topic that is only quiet, whoever is attached writes an empty batch when the
// last one gets old.
//
// A stream keeps a number of batches of each topic and each for a time, the same for all topics. What a Retention says is done by who reads.
//
// # The board
//
// The board is one stream with a subject for each incarnation. All that an incarnation writes, its entries and that it lives, are records on that
// subject, each on condition that the one before is still the last. Taking it off the board is such a record as well, written by any other node that
// heard nothing for the time of a lease. So one sequence says what was before what, also whether the last renewal was before the end; nothing
// depends on a server's clock, and none of an incarnation's writes can come behind its end. When an incarnation has written
// much more than it has, it writes all it has in one go, and what was before is removed two minutes later.
//
// That is not the layout that suggests itself, a subject for each entry, of which the stream keeps the last message: a node that reads a moment late would then miss
// changes that were overwritten, and come to another result than the others about who was first. And it takes a
// hundredth of the messages, since many entries go into one.
package natsbus
