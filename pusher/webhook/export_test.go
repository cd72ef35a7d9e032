package webhook

import "net/http"

// SetTransport has all requests of s made by f.
func (s *Sender) SetTransport(f func(*http.Request) (*http.Response, error)) {
	for _, r := range s.receivers {
		r.client = roundTripper(f)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// MaxIntake is how much of what is bound an intake takes.
const MaxIntake = maxIntake
