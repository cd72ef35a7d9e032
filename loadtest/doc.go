// Command loadtest measures a server that speaks the Pusher protocol: Gannet, soketi, Reverb,
// Sockudo, or another.
//
//	go run ./loadtest fanout --url http://127.0.0.1:6001 --key app-key --id app-id --secret app-secret
//
// A scenario says who connects and what is published; flags change its numbers. The run ends with a
// table, and with --json and --svg in a document and a picture. docs/loadtest.md explains them.
//
// The generator is built to be cheaper than any server it measures, reports what it used itself,
// and marks a result for which that was too much. It needs Linux.
//
// Inside: plan decides who sends what where and when; swarm drives the sockets; crew runs several
// processes as one; tally counts; probe looks at the server; report writes it down.
package main
