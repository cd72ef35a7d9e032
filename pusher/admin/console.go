package admin

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// contentPolicy lets pages run nothing but our own files, ask nobody but us, and be in nobody's frame.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// console serves the files of the console. Those below /assets/ have names that change with what is in them, and may be
// kept for ever; what is no file is a place within the console, whose page finds its way by itself.
func (s *Server) console(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Console == nil {
		if r.URL.Path != "/" {
			text(w, http.StatusNotFound, "Not found")
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(index)) // who asked may have gone
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	asset := strings.HasPrefix(r.URL.Path, "/assets/")
	if info, err := fs.Stat(s.cfg.Console, orIndex(name)); err != nil || info.IsDir() {
		// A page has no extension; a file that is missing is missing.
		if path.Ext(name) != "" || asset {
			text(w, http.StatusNotFound, "Not found")
			return
		}
		name = ""
	}
	if asset {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "no-cache")
	}
	// The path is only looked at for being odd, which ours no longer is.
	plain := r.Clone(r.Context())
	plain.URL.Path = "/"
	http.ServeFileFS(w, plain, s.cfg.Console, orIndex(name))
}

func orIndex(name string) string {
	if name == "" {
		return indexFile
	}
	return name
}

const indexFile = "index.html"
