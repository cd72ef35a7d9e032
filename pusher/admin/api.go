package admin

import (
	"net/http"
	"runtime"
)

// routeAPI says who answers what below /api. docs/admin-api.md has the shapes.
func (s *Server) routeAPI() {
	s.handle("/api/session", methods{"GET": s.showSession, "POST": s.logIn, "DELETE": s.logOut})
	s.handle("/api/overview", methods{"GET": s.overview})
	s.handle("/api/apps", methods{"GET": s.listApps})
	s.handle("/api/apps/{app}", methods{"GET": s.showApp})
	s.handle("/api/apps/{app}/reveal", methods{"POST": s.reveal})
	s.handle("/api/apps/{app}/events", methods{"POST": s.publish})
	s.handle("/api/apps/{app}/channels", methods{"GET": s.listChannels})
	s.handle("/api/apps/{app}/channels/{channel}", methods{"GET": s.showChannel})
	s.handle("/api/apps/{app}/channels/{channel}/members", methods{"GET": s.listMembers})
	s.handle("/api/apps/{app}/channels/{channel}/events", methods{"GET": s.listEvents})
	s.handle("/api/apps/{app}/users/{user}/terminate_connections", methods{"POST": s.terminateUser})
	s.handle("/api/connections", methods{"GET": s.listConnections})
	s.handle("/api/connections/{socket_id}", methods{"GET": s.showConnection})
	s.handle("/api/connections/{socket_id}/close", methods{"POST": s.closeConnection})
	s.handle("/api/live", methods{"GET": s.stream})
	if s.cfg.API["/api/cluster"] == nil {
		s.handle("/api/cluster", methods{"GET": s.noCluster})
	}
	s.handle("/api/health", methods{"GET": s.health})
	s.handle("/api/version", methods{"GET": s.version})
}

func (s *Server) health(http.ResponseWriter, *http.Request) (any, error) {
	ready, reason := s.cfg.Ready()
	return map[string]any{"live": true, "ready": ready, "reason": reason}, nil
}

func (s *Server) noCluster(http.ResponseWriter, *http.Request) (any, error) {
	return map[string]any{"driver": "none", "state": "alone", "self": "", "nodes": []any{}}, nil
}

func (s *Server) version(http.ResponseWriter, *http.Request) (any, error) {
	b := &s.cfg.Build
	return map[string]any{
		"version": b.Version, "commit": b.Commit, "go": runtime.Version(), "started": moment(b.Started), "dev": b.Dev, "loops": len(s.cfg.Loops),
	}, nil
}
