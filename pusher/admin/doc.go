// Package admin is the operator's HTTP listener: metrics, health, profiles, and the JSON that commands and a console ask for.
//
//	GET /             index of the paths below, plain text
//	GET /metrics      all metric sets and the process metrics, Prometheus text format 0.0.4
//	GET /healthz      200 "ok" while the process answers (liveness)
//	GET /readyz       200 "ok", or 503 and the reason (readiness)
//	GET /debug/pprof/ the profiles of net/http/pprof
//	    /api/…        JSON of other parts of the server, by Config.API
//
// Nothing here is signed or encrypted, and a profile costs CPU: bind it to a private
// address. It is not the HTTP API (pusher/rest), which has its own /healthz and /readyz
// for load balancers that only see the public port.
//
// A Server lives from New through any number of Serve calls to one Shutdown. All its
// methods may be called by any goroutine.
package admin
