package rest_test

import "testing"

func TestNothingIsPublishedWhileSubscribersAreTooFarBehind(t *testing.T) {
	l := start(t, nil)
	for path, body := range map[string]string{
		"/apps/3/events":       `{"name":"e","data":"x","channels":["a","full"]}`,
		"/apps/3/batch_events": `{"batch":[{"name":"e","data":"x","channel":"a"},{"name":"e","data":"x","channel":"full"}]}`,
	} {
		got := l.signed("POST", path, body)
		if got.status != 503 || got.body != "Subscribers are too far behind, try again" {
			t.Errorf("%s: got %d %q, want 503 and the reason", path, got.status, got.body)
		}
		if got.header.Get("Retry-After") != "1" {
			t.Errorf("%s: Retry-After %q, want 1", path, got.header.Get("Retry-After"))
		}
	}
	if n := len(l.node.published); n != 0 {
		t.Errorf("%d events were published, want none of a refused request", n)
	}
	if l.log.String() != "" {
		t.Errorf("logged, which there is no time for: %s", l.log)
	}
}
