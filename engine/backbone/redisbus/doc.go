// Package redisbus is a backbone.Bus over Redis 7 or what speaks like it: a single server, one that Sentinels look after, or a Redis Cluster.
//
// # Layout
//
// Everything that changes more than one thing is a Lua script (lua/), which Redis runs alone.
//
// The board is a hash of its nodes, a sorted set of their leases by the server's own clock, a hash of entries for each, and a stream of changes, the IDs of which count
// from 0-1 without holes. A node reads the stream from where it is, waiting at its end (XREAD BLOCK). When it is too far behind, it reads
// the hashes, then the changes made meanwhile, until it has the board as it was at one place, and tells what that differs in from what it told.
//
// A log is a hash (epoch, newest offset) and a stream of the messages, with IDs 0-offset. What is appended is also published, with its place. Topics fall into
// 32 partitions by hash; those of one share a hash tag, and in a cluster a slot, a connection and a queue.
//
// # Runs
//
// A Redis that starts again may have lost its newest writes, and a replica that takes over, too. Both are seen by the server's run_id, which every script compares: the log
// then goes on under another epoch, so no place is given twice, and the board starts empty under another one. Then all nodes take new
// incarnations; those that were known before have one lease's time to come back before they are Gone.
//
// # Gaps
//
// Connections for messages are not healed by the client library: each time one is lost it is opened here, everything is subscribed to again, and every
// log is compared with where it was. So are all logs from time to time, since Redis promises no delivery.
package redisbus
