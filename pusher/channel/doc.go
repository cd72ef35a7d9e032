// Package channel is what one node knows about one channel: how many connections of its own are subscribed, which users
// are members of a presence channel, which event a cache channel keeps, and when its subscription count is announced
// next.
//
// It decides and counts; it sends nothing and knows no connection. A [State] is made when the first subscriber or the
// first cached event arrives and may be forgotten when there is neither. It has no lock and no clock: whoever owns
// it (the node, under the lock of the channel's topic) guards it and passes the time in.
//
// Members and counts are those of this node. Adding up nodes is not done here.
package channel
