package admin

import (
	"bytes"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

const index = `Gannet admin

/metrics       Prometheus metrics
/healthz       liveness
/readyz        readiness
/debug/pprof/  profiles
/api/          what the console and scripts use: JSON, described in docs/admin-api.md
`

// route says who answers what.
func (s *Server) route() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("/metrics", reading(s.writeMetrics))
	s.mux.HandleFunc("/healthz", reading(func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") }))
	s.mux.HandleFunc("/readyz", reading(s.readyz))

	// The profile index serves the named profiles (heap, goroutine, ...) below its own path;
	// the others are not in the runtime's table of profiles.
	s.mux.HandleFunc("/debug/pprof/", reading(pprof.Index))
	s.mux.HandleFunc("/debug/pprof/cmdline", reading(pprof.Cmdline))
	s.mux.HandleFunc("/debug/pprof/profile", reading(pprof.Profile))
	s.mux.HandleFunc("/debug/pprof/trace", reading(pprof.Trace))
	s.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol) // posts its list of addresses when it is too long for a query

	s.routeAPI()
	for path, h := range s.cfg.API {
		s.mux.Handle(path, h)
		s.mux.Handle(path+"/", h)
	}
	s.mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, errNotFound) })
	s.mux.HandleFunc("/", reading(s.console))
}

// reading has h answer GET and HEAD alone.
func reading(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			text(w, http.StatusMethodNotAllowed, "Method not allowed")
			return
		}
		h(w, r)
	}
}

// serve is net/http's handler: everything passes here.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p) // that is how a handler cuts its answer off
		}
		s.metrics.panics.Inc()
		if said, more := s.panics.Tell(s.cfg.Now()); said {
			s.cfg.Logger.Error("admin: handler panicked", "path", r.URL.Path, "panic", p, "unlogged", more, "stack", string(debug.Stack()))
		}
		text(w, http.StatusInternalServerError, "Internal server error")
	}()
	deadlines(w, r)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	if r.TLS != nil && s.cfg.HSTS > 0 {
		h.Set("Strict-Transport-Security", "max-age="+strconv.FormatInt(int64(s.cfg.HSTS/time.Second), 10))
	}
	h.Set("Content-Security-Policy", contentPolicy)

	if err := s.guard.admit(r); err != nil {
		s.metrics.refused(err.code)
		refuse(w, err)
		return
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
	}
	s.mux.ServeHTTP(w, r)
}

// deadlines bound how long a request's body may take to come, and its answer to be read. What may take longer by itself,
// a profile or a stream, sets its own.
func deadlines(w http.ResponseWriter, r *http.Request) {
	c, now := http.NewResponseController(w), time.Now()
	// Neither fails on a connection of net/http.
	if r.ContentLength != 0 {
		_ = c.SetReadDeadline(now.Add(bodyTimeout))
	}
	write := now.Add(writeTimeout)
	if strings.HasPrefix(r.URL.Path, "/debug/pprof/") {
		write = time.Time{}
	}
	_ = c.SetWriteDeadline(write)
}

func (s *Server) writeMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	var own bytes.Buffer
	for _, set := range s.cfg.Sets {
		set.WritePrometheus(&own)
	}
	_, _ = w.Write(own.Bytes()) // who asked may have gone
	if s.cfg.SoketiPrefix != "" {
		writeSoketi(w, s.cfg.SoketiPrefix, s.cfg.SoketiPort, own.Bytes())
	}
	metrics.WriteProcessMetrics(w)
	writeDescriptors(w)
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	ok, reason := s.cfg.Ready()
	switch {
	case ok:
		text(w, http.StatusOK, "ok")
	case reason == "":
		text(w, http.StatusServiceUnavailable, "not ready")
	default:
		text(w, http.StatusServiceUnavailable, reason)
	}
}

func text(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(message + "\n")) // who asked may have gone
}
