package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityPageNamesTestsThatExist holds docs/security.md to its word: a claim is as good as its test. And all fuzz targets are on it.
func TestSecurityPageNamesTestsThatExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	exist := make(map[string]bool)
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "build"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(source, -1) {
			exist[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`").FindAllSubmatch(page, -1)
	if len(named) < 50 {
		t.Fatalf("%d tests are named: is this still the page?", len(named))
	}
	listed := make(map[string]bool)
	for _, m := range named {
		if listed[string(m[1])] = true; !exist[string(m[1])] {
			t.Errorf("there is no %s", m[1])
		}
	}
	for name := range exist {
		if strings.HasPrefix(name, "Fuzz") && !listed[name] {
			t.Errorf("%s is not in the table of fuzz targets", name)
		}
	}
}
