package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

const (
	cookieName  = "gannet-session"
	sessionLife = 12 * time.Hour // from logging in
	sessionIdle = 2 * time.Hour  // from the last request
	maxSessions = 256
)

// sessions are who has logged in. They are in memory: a restart logs everybody out.
type sessions struct {
	mu sync.Mutex
	by map[[sha256.Size]byte]*session // by the digest of the id, so that looking one up tells nothing by its time; guarded by mu
}

type session struct {
	expires time.Time
	used    time.Time
}

// begin returns the id of a new session. When there are too many the one that was not used for the longest ends.
func (s *sessions) begin(now time.Time) (id string, of session) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails
	id = base64.RawURLEncoding.EncodeToString(raw)
	of = session{expires: now.Add(sessionLife), used: now}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[[sha256.Size]byte]*session)
	}
	var oldest *[sha256.Size]byte
	for key, one := range s.by {
		if one.over(now) {
			delete(s.by, key)
		} else if oldest == nil || one.used.Before(s.by[*oldest].used) {
			oldest = &key
		}
	}
	if len(s.by) >= maxSessions {
		delete(s.by, *oldest)
	}
	s.by[sha256.Sum256([]byte(id))] = &of
	return id, of
}

func (s *session) over(now time.Time) bool {
	return !now.Before(s.expires) || now.Sub(s.used) >= sessionIdle
}

// use returns a copy of the session that id names, which counts as used, or nil.
func (s *sessions) use(id string, now time.Time) *session {
	key := sha256.Sum256([]byte(id))
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.by[key]
	if of == nil {
		return nil
	}
	if of.over(now) {
		delete(s.by, key)
		return nil
	}
	of.used = now
	copied := *of
	return &copied
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, sha256.Sum256([]byte(id)))
}

// whoami is the answer of /api/session.
type whoami struct {
	Required      bool    `json:"required"`
	Authenticated bool    `json:"authenticated"`
	Expires       *string `json:"expires"`
	Version       string  `json:"version"`
}

func (s *Server) whoami(authenticated bool, of *session) whoami {
	w := whoami{Required: s.guard.required(), Authenticated: authenticated || !s.guard.required(), Version: s.cfg.Build.Version}
	if of != nil {
		until := moment(of.expires)
		w.Expires = &until
	}
	if !w.Authenticated {
		w.Version = "" // for strangers to guess
	}
	return w
}

func (s *Server) showSession(_ http.ResponseWriter, r *http.Request) (any, error) {
	if given, ok := bearer(r); ok && same(s.guard.token, given) {
		return s.whoami(true, nil), nil
	}
	if cookie, err := r.Cookie(cookieName); err == nil {
		if of := s.guard.sessions.use(cookie.Value, s.cfg.Now()); of != nil {
			return s.whoami(true, of), nil
		}
	}
	return s.whoami(false, nil), nil
}

func (s *Server) logIn(w http.ResponseWriter, r *http.Request) (any, error) {
	if !s.guard.required() {
		return nil, &refusal{status: http.StatusConflict, code: "not_required", text: "there is no secret to log in with"}
	}
	now, from := s.cfg.Now(), client(r)
	if wait := s.guard.attempts.wait(from, now); wait > 0 {
		return nil, tooMany(wait)
	}
	var given struct {
		Secret string `json:"secret"`
	}
	if err := read(r, &given); err != nil {
		return nil, err
	}
	// Both are compared, whichever it is.
	password, token := same(s.guard.password, given.Secret), same(s.guard.token, given.Secret)
	ok := password || token
	s.metrics.logins[ok].Inc()
	if !ok {
		s.guard.attempts.failed(from, now)
		return nil, &refusal{status: http.StatusUnauthorized, code: "wrong_secret", text: "that is not the secret"}
	}
	id, of := s.guard.sessions.begin(now)
	s.setCookie(w, r, id, int(sessionLife/time.Second))
	s.cfg.Logger.Info("admin: logged in", "from", from)
	return s.whoami(true, &of), nil
}

func tooMany(wait time.Duration) *refusal {
	return &refusal{status: http.StatusTooManyRequests, code: "too_many_attempts", text: "too many wrong secrets: wait", retry: int((wait + time.Second - 1) / time.Second)}
}

func (s *Server) logOut(w http.ResponseWriter, r *http.Request) (any, error) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		s.guard.sessions.end(cookie.Value)
	}
	s.setCookie(w, r, "", -1)
	return s.whoami(false, nil), nil
}

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, id string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: id, Path: "/", MaxAge: seconds,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
}
