// Package admin is the operator's HTTP listener: metrics, health, profiles, the console, and the JSON API that console and
// scripts use.
//
//	GET /             the console; a plain list of paths when there is none
//	GET /metrics      all metric sets and the process metrics, Prometheus text format 0.0.4
//	GET /healthz      200 "ok" while the process answers (liveness)
//	GET /readyz       200 "ok", or 503 and the reason (readiness)
//	GET /debug/pprof/ the profiles of net/http/pprof
//	    /api/…        docs/admin-api.md
//
// Who may ask is settled in one place, the guard: nobody but health checks gets further without the token, a session, or, when
// no secret is configured, a request that no page of another site has made. It is not the HTTP API (pusher/rest), which has its
// own /healthz and /readyz for load balancers that only see the public port.
//
// It asks the node and loops little at a time and holds no lock of theirs while a client reads.
//
// A Server lives from New through any number of Serve calls to one Shutdown. All its
// methods may be called by any goroutine.
package admin
