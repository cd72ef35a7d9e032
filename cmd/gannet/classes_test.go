package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher"
)

// Every reason for a refusal that the sources name has a class: dashboards and alerts go by it.
func TestEveryReasonForARefusalHasAClass(t *testing.T) {
	forms := map[string]*regexp.Regexp{
		"pusher/error.go": regexp.MustCompile(`, "([a-z_0-9]+)"\}`),
		"pusher/auth":     regexp.MustCompile(`&Error\{.*, "([a-z_0-9]+)"\}|Reason: +"([a-z_0-9]+)"`),
		"pusher/rest":     regexp.MustCompile(`reason: "([a-z_0-9]+)"|bad\("([a-z_0-9]+)"|tooManyRequests\("([a-z_0-9]+)"`),
		"pusher/gateway":  regexp.MustCompile(`counted\(c, "([a-z_0-9]+)"`),
	}
	found := make(map[string]bool)
	for root, form := range forms {
		err := filepath.WalkDir("../../"+root, func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, m := range form.FindAllStringSubmatch(string(source), -1) {
				reason := strings.Join(m[1:], "")
				found[reason] = true
				if pusher.Class(reason) == "other" {
					t.Errorf("%s: %s has no class in pusher.Class", path, reason)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	source, err := os.ReadFile("../../pusher/class.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(?:case|\t).*$`).FindAllString(string(source), -1) {
		for _, word := range regexp.MustCompile(`"([a-z_0-9]+)"`).FindAllStringSubmatch(m, -1) {
			if !strings.Contains(m, "return") && !found[word[1]] {
				t.Errorf("pusher.Class has %s, which no source names", word[1])
			}
		}
	}
	if len(found) < 80 {
		t.Errorf("%d reasons were found", len(found))
	}
}
