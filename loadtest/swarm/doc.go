// Package swarm holds the clients and publishers of one process of a load test: thousands of
// sockets on a few threads, each with its own epoll instance, and nothing shared between them.
//
// The point is to cost next to nothing beside the server under test. A worker reads each ready
// socket once into one large buffer that all its conns share, walks the frames in place, finds the
// stamp of each message where the last one was, and records what it says. A message that is read
// allocates nothing and costs no system call of its own when the server merged it with others.
//
// The life of a Swarm: New opens nothing; Run starts the workers, which connect and subscribe their
// share of the plan and report readiness; Start names the instant at which everybody begins to
// publish; they stop publishing by themselves at the end of the measured window and go on reading
// until Stop. All that they see leaves as Notes.
//
// The package is for Linux. Elsewhere only its parsers are built.
package swarm
