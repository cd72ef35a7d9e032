package demo

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFormBytes is more than any page of ours sends.
const maxFormBytes = 4 << 10

// A refusal is an answer other than 200.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return "demo: " + r.text }

func bad(text string) error { return &refusal{http.StatusBadRequest, text} }

// form makes a handler of a function from a form to what is answered as JSON. pusher-js sends forms to its endpoints, so the pages do
// the same.
func form(answer func(fields url.Values) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		head(w.Header())
		if err := r.ParseForm(); err != nil {
			http.Error(w, "That is no form, or too much of one", http.StatusBadRequest)
			return
		}
		result, err := answer(r.PostForm)
		if err != nil {
			status := http.StatusInternalServerError
			var own *refusal
			if errors.As(err, &own) {
				status = own.status
			}
			http.Error(w, strings.TrimPrefix(err.Error(), "demo: "), status)
			return
		}
		text, err := json.Marshal(result)
		if err != nil {
			panic(err) // it is ours
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(text)
	}
}

// words returns a field that people write, without control characters and blanks around it, and false unless it has 1 to most letters.
func words(fields url.Values, name string, most int) (string, bool) {
	raw := fields.Get(name)
	text := strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, raw))
	n := utf8.RuneCountInString(text)
	return text, n >= 1 && n <= most && utf8.ValidString(raw)
}

// plain reports whether id has 1 to 40 letters, digits and hyphens.
func plain(id string) bool {
	return id != "" && len(id) <= 40 && !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-'
	})
}
