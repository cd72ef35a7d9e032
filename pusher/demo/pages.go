package demo

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed site
var files embed.FS

// A page is one file as it is served.
type page struct {
	body   []byte // shared
	zipped []byte // the same for who takes gzip; nil when that is no smaller
	kind   string // Content-Type
	tag    string // ETag, quotes included
}

// kinds are the types of the files in site, by extension. What is not listed is not served.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
	"":      "text/plain; charset=utf-8", // LICENCE
}

// readPages returns what is served, by path: index.html as /, x.html as /demo/x, all others below /demo/.
func readPages(script []byte) map[string]page {
	pages := map[string]page{"/demo/server.js": newPage(script, kinds[".js"])}
	err := fs.WalkDir(files, "site", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := files.ReadFile(name)
		kind, ok := kinds[path.Ext(name)]
		if err != nil || !ok {
			return fmt.Errorf("demo: %s is no file to serve: %w", name, err)
		}
		at := "/demo" + strings.TrimSuffix(strings.TrimPrefix(name, "site"), ".html")
		if at == "/demo/index" {
			at = "/"
		}
		pages[at] = newPage(body, kind)
		return nil
	})
	if err != nil {
		panic(err) // the files are in the program
	}
	return pages
}

func newPage(body []byte, kind string) page {
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	w.Write(body)
	w.Close()
	sum := sha256.Sum256(body)
	p := page{body: body, kind: kind, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	if zipped.Len() < len(body)*9/10 {
		p.zipped = zipped.Bytes()
	}
	return p
}

// policy lets a page have what its own server has, and nothing else: neither scripts and styles within the page, nor anything of
// another origin, nor to be framed. 'self' covers WebSockets of the same host and port.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// head sets what all answers have.
func head(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// page answers with a file. Browsers ask each time whether it has changed, since one address serves many versions while one develops.
func (s *Site) page(w http.ResponseWriter, r *http.Request) {
	head(w.Header())
	p, ok := s.pages[r.URL.Path]
	if !ok {
		http.Error(w, "Not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", p.kind)
	h.Set("ETag", p.tag)
	h.Add("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), p.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if p.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		w.Write(p.zipped)
		return
	}
	w.Write(p.body)
}

// serverScript is the one file that is not the same everywhere.
func (s *Site) serverScript() []byte {
	var questions []string
	for i := range answers {
		questions = append(questions, answers[i].question)
	}
	literal := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // strings
		}
		return text
	}
	return fmt.Appendf(nil, `// What the pages need to know of their server. It writes this file itself.

/** The app's public key. Its secret never leaves the server. */
export const key = %s;

/** What stands before all paths of the server; wsPath of pusher-js. */
export const path = %s;

/** Whom one can be on the page of notices. */
export const people = %s;

/** What one can ask on the page of answers. */
export const questions = %s;
`, literal(s.cfg.App.Keys[0].Key), literal(s.cfg.Path), literal(People), literal(questions))
}
