package console_test

import (
	"bytes"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/console"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(console.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	linked = regexp.MustCompile(`(?:src|href)="([^"]+\.(?:js|css|svg))"`)
	inline = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:[^>]*[^>\s])?>[^<]`)
)

func TestThePageLoadsWhatIsThereAndNothingElse(t *testing.T) {
	page := string(read(t, "index.html"))
	wanted := map[string]bool{"index.html": true, "licences.txt": true}
	for _, match := range linked.FindAllStringSubmatch(page, -1) {
		wanted[match[1]] = true
	}
	if len(wanted) != 5 {
		t.Errorf("index.html loads %v, want a script, a style sheet and an icon", wanted)
	}
	err := fs.WalkDir(console.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !wanted[name] {
			t.Errorf("%s is embedded, and index.html does not load it", name)
		}
		delete(wanted, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range wanted {
		t.Errorf("index.html loads %s, which is not there", name)
	}
	// The content security policy would refuse it.
	if found := inline.FindString(page); found != "" {
		t.Errorf("index.html has an inline script or style: %q", found)
	}
}

// Whatever a browser fetches by itself is on this listener; addresses that are only names, such as that of SVG, are not fetched.
func TestNoFileNamesAnotherOrigin(t *testing.T) {
	address := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^"'\s)]*`)
	namespaces := []string{"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML", "http://www.w3.org/1999/xhtml", "http://www.w3.org/1999/xlink"}
	err := fs.WalkDir(console.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "licences.txt" {
			return err
		}
		for _, found := range address.FindAllString(string(read(t, name)), -1) {
			known := false
			for _, namespace := range namespaces {
				known = known || strings.HasPrefix(found, namespace)
			}
			if !known {
				t.Errorf("%s names %s", name, found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAssetsStaySmall(t *testing.T) {
	limits := map[string]int{".js": 200_000, ".css": 32_000}
	entries, err := fs.ReadDir(console.Files(), "assets")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if size := len(read(t, "assets/"+entry.Name())); size > limits[path.Ext(entry.Name())] {
			t.Errorf("%s has %d bytes, want at most %d", entry.Name(), size, limits[path.Ext(entry.Name())])
		}
	}
}

func TestLicencesOfWhatIsInsideAreThere(t *testing.T) {
	text := read(t, "licences.txt")
	for _, name := range []string{"== preact ", "== @preact/signals ", "== @preact/signals-core ", "== uplot "} {
		if !bytes.Contains(text, []byte(name)) {
			t.Errorf("licences.txt has nothing about %q", strings.TrimSpace(strings.Trim(name, "= ")))
		}
	}
}
