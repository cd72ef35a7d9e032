// Package console is the operator's console: a page for browsers that reads through the admin API. It is written in
// TypeScript in the folder web, and built from there into dist, which is in git so that building the server needs no Node;
// "make console" builds it, and CI fails when the two differ. What serves it, and to whom, is pusher/admin's business.
package console

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Files returns index.html, what it loads, below assets/ with names that change with their content, and the licences of
// the packages in there. They ask for nothing outside of the listener that serves them. Shared. Any goroutine.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // of the path alone
	}
	return files
}
