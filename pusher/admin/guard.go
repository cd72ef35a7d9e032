package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher/allow"
)

// A guard decides who gets an answer.
//
// Two kinds of askers come. Scripts send the token, which no page of another site can make a browser do, so nothing else is
// asked of them. Browsers send a cookie, or nothing where no secret is configured, and that they do for whoever owns the
// page: so the request must be for a name that cannot have been pointed here by a stranger, and from a page of our own.
type guard struct {
	// Set once by init.
	token, password *[sha256.Size]byte // nil: not configured
	hosts           []string
	public          map[string]bool // paths that are answered to everybody
	now             func() time.Time
	metrics         *adminMetrics

	sessions sessions
	attempts attempts // to log in
	bearers  attempts // to send the token
}

// What is compared is a digest, so that the time it takes says nothing about the length either.
func digest(secret string) *[sha256.Size]byte {
	if secret == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(secret))
	return &sum
}

func same(want *[sha256.Size]byte, given string) bool {
	if want == nil {
		return false
	}
	sum := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], sum[:]) == 1
}

func (g *guard) init(cfg *Config, m *adminMetrics) {
	g.token, g.password = digest(cfg.Token), digest(cfg.Password)
	g.hosts, g.now, g.metrics = cfg.Hosts, cfg.Now, m
	open := g.token == nil && g.password == nil
	g.public = map[string]bool{
		"/healthz": cfg.PublicHealth || open,
		"/readyz":  cfg.PublicHealth || open,
		"/metrics": cfg.PublicMetrics || open,
	}
}

// required reports whether there is a secret that askers must know.
func (g *guard) required() bool { return g.token != nil || g.password != nil }

// admit returns why r is not answered, or nil.
func (g *guard) admit(r *http.Request) *refusal {
	path := r.URL.Path
	if (path == "/healthz" || path == "/readyz") && g.public[path] {
		return nil // probes come by all kinds of names
	}
	if path == "/metrics" && g.required() && g.public[path] {
		return nil // the operator has said so
	}
	if given, ok := bearer(r); ok && g.token != nil {
		from, now := client(r), g.now()
		if wait := g.bearers.wait(from, now); wait > 0 {
			return tooMany(wait) // the right one, too, or it would be told from the others
		}
		if same(g.token, given) {
			return nil
		}
		g.bearers.guessed(from, digest(given), now)
	}
	if !g.knows(r) {
		return errHost
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if reads && file(path) {
		return nil // links to the console are welcome everywhere
	}
	if foreign(r) {
		return errCrossOrigin
	}
	if !reads && path != "/debug/pprof/symbol" && r.Header.Get(requestHeader) == "" {
		return errHeader
	}
	if path == "/api/session" || g.public[path] || !g.required() {
		return nil
	}
	if cookie, err := r.Cookie(cookieName); err == nil && g.sessions.use(cookie.Value, g.now()) != nil {
		return nil
	}
	return errUnauthorized
}

// file reports whether path is the console's.
func file(path string) bool {
	switch path {
	case "/metrics", "/healthz", "/readyz", "/api", "/debug":
		return false
	}
	return !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/debug/")
}

// requestHeader cannot be set by a page of another site unless we allowed it to.
const requestHeader = "X-Gannet-Request"

func bearer(r *http.Request) (string, bool) {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), ok && strings.EqualFold(scheme, "Bearer")
}

// knows reports whether r is for a name that is surely ours.
func (g *guard) knows(r *http.Request) bool {
	if network, _ := r.Context().Value(networkKey{}).(string); network == "unix" {
		return true // browsers do not get there
	}
	return allow.Own(g.hosts, r.Host)
}

// foreign reports whether a page of another site has made the request. Sec-Fetch-Site cannot be set by one; browsers too old
// for it send Origin with all that could do harm.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		origin := r.Header.Get("Origin")
		if origin == "" {
			return false
		}
		_, host, ok := strings.Cut(origin, "://")
		return !ok || !strings.EqualFold(host, r.Host)
	}
	return true
}

// client names who asks, for counting: an address, of IPv6 the network that one customer has.
func client(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "unix"
	}
	return customer(at.Addr())
}

func customer(addr netip.Addr) string {
	addr = addr.Unmap()
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil {
			return network.String()
		}
	}
	return addr.String()
}
