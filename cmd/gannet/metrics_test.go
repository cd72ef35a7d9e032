package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMetricsPageNamesExactlyTheMetricsOfTheCode compares docs/metrics.md with the names in
// the sources: a name that is only in one of them is a dashboard that stays empty.
func TestMetricsPageNamesExactlyTheMetricsOfTheCode(t *testing.T) {
	name := regexp.MustCompile("[\"`](gannet_[a-z_]+)")
	code := make(map[string]bool)
	for _, root := range []string{"../../engine", "../../pusher", "../../frame"} {
		err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, m := range name.FindAllSubmatch(source, -1) {
				code[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `(gannet_[a-z_]+)`").FindAllSubmatch(page, -1) {
		docs[string(m[1])] = true
	}
	if missing := without(code, docs); len(missing) > 0 {
		t.Errorf("not in docs/metrics.md: %v", missing)
	}
	if stale := without(docs, code); len(stale) > 0 {
		t.Errorf("in docs/metrics.md, but nowhere in the code: %v", stale)
	}
}

func without(a, b map[string]bool) (names []string) {
	for name := range a {
		if !b[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
