package admin

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// A refusal is an answer of the API other than 200.
type refusal struct {
	status int
	code   string // snake_case; also the metric label
	text   string
	retry  int // seconds, for Retry-After; 0: nobody knows

	elsewhere []placeView // where it may be found; nil: nowhere
}

func (e *refusal) Error() string { return e.text }

// Refusals that need no more words.
var (
	errNotFound     = &refusal{status: http.StatusNotFound, code: "not_found", text: "there is nothing at this path"}
	errUnauthorized = &refusal{status: http.StatusUnauthorized, code: "unauthorized", text: "log in, or send the token as Authorization: Bearer"}
	errHost         = &refusal{status: http.StatusMisdirectedRequest, code: "host_not_allowed", text: "this listener does not answer for that host: ask by its address, or list the name in admin.hosts"}
	errHeader       = &refusal{status: http.StatusForbidden, code: "header_required", text: "what changes something needs the header X-Gannet-Request: 1"}
	errCrossOrigin  = &refusal{status: http.StatusForbidden, code: "cross_origin", text: "the request comes from a page of another site"}
	errNotJSON      = &refusal{status: http.StatusUnsupportedMediaType, code: "not_json", text: "the body must be application/json"}
	errBodyTooLarge = &refusal{status: http.StatusRequestEntityTooLarge, code: "body_too_large", text: "the body may have 1 MiB"}
)

func badRequest(code, text string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: code, text: text}
}

// A handler answers a request of the API with something to be written as JSON, or an error.
type handler func(w http.ResponseWriter, r *http.Request) (any, error)

// method is the handler of a path by method.
type methods map[string]handler

// handle has the API answer at path.
func (s *Server) handle(path string, by methods) {
	var allow string
	for _, name := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		if by[name] == nil {
			continue
		}
		if allow != "" {
			allow += ", "
		}
		allow += name
	}
	s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		name := r.Method
		if name == http.MethodHead {
			name = http.MethodGet
		}
		h := by[name]
		if h == nil {
			w.Header().Set("Allow", allow)
			refuse(w, &refusal{status: http.StatusMethodNotAllowed, code: "method_not_allowed", text: "this path knows " + allow})
			return
		}
		body, err := h(w, r)
		if err != nil {
			refuse(w, err)
		} else if body != nil {
			answer(w, http.StatusOK, body)
		}
	})
}

func refuse(w http.ResponseWriter, err error) {
	var own *refusal
	if !errors.As(err, &own) {
		own = &refusal{status: http.StatusInternalServerError, code: "internal", text: err.Error()}
	}
	if own.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(own.retry))
	}
	if own.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="gannet"`)
	}
	body := map[string]any{"error": own.text, "code": own.code}
	if own.elsewhere != nil {
		body["elsewhere"] = own.elsewhere
	}
	answer(w, own.status, body)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // who asked may have gone
}

// read decodes the body of a request, strictly.
func read(r *http.Request, to any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return errNotJSON
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err = decoder.Decode(to)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return errBodyTooLarge
	case err != nil:
		return badRequest("bad_body", "the body: "+err.Error())
	case decoder.More():
		return badRequest("bad_body", "the body: more than one value")
	}
	return nil
}

// A query reads parameters, and remembers the first that is wrong.
type query struct {
	values url.Values
	err    error
}

// parse returns the query of r, which may have the parameters that are known, each once.
func parse(r *http.Request, known ...string) (*query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("bad_query", "the query cannot be read")
	}
	for name, given := range values {
		if !slices.Contains(known, name) {
			return nil, badRequest("unknown_parameter", "unknown query parameter "+strconv.Quote(name))
		}
		if len(given) > 1 {
			return nil, badRequest("bad_query", "query parameter "+strconv.Quote(name)+" is given twice")
		}
	}
	return &query{values: values}, nil
}

func (q *query) text(name string) string { return q.values.Get(name) }

// number returns a parameter from low to high, or otherwise when it is not given.
func (q *query) number(name string, low, high, otherwise int) int {
	text := q.values.Get(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		q.fail(badRequest("bad_"+name, name+" must be a number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high)))
		return otherwise
	}
	return n
}

// word returns a parameter that is one of words, or the first of them when it is not given.
func (q *query) word(name string, words ...string) string {
	text := q.values.Get(name)
	if text == "" {
		return words[0]
	}
	if !slices.Contains(words, text) {
		q.fail(badRequest("bad_"+name, name+" is none of those that there are"))
		return words[0]
	}
	return text
}

func (q *query) fail(err error) {
	if q.err == nil {
		q.err = err
	}
}

// moment is a time as the API writes it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
