package admin

import (
	"net/http"
	"runtime"
)

// routeAPI says who answers what below /api. docs/admin-api.md has the shapes.
func (s *Server) routeAPI() {
	s.handle("/api/session", methods{"GET": s.showSession, "POST": s.logIn, "DELETE": s.logOut})
	s.handle("/api/health", methods{"GET": s.health})
	s.handle("/api/version", methods{"GET": s.version})
}

func (s *Server) health(http.ResponseWriter, *http.Request) (any, error) {
	ready, reason := s.cfg.Ready()
	return map[string]any{"live": true, "ready": ready, "reason": reason}, nil
}

func (s *Server) version(http.ResponseWriter, *http.Request) (any, error) {
	b := &s.cfg.Build
	return map[string]any{
		"version": b.Version, "commit": b.Commit, "go": runtime.Version(), "started": moment(b.Started), "dev": b.Dev, "loops": b.Loops,
	}, nil
}
