package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	main "github.com/gannet-io/gannet/cmd/gannet"
)

// TestLimitsPageSaysWhatTheCodeDoes holds docs/limits.md against the keys, their defaults and ranges, and the metrics and
// reasons that the code counts.
func TestLimitsPageSaysWhatTheCodeDoes(t *testing.T) {
	page, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string) // cells by key
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 7 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows[strings.Trim(cells[1], "`")] = cells
	}
	code := sources(t, "../../engine", "../../pusher", "../../frame")
	for _, key := range main.Keys() {
		if !strings.HasPrefix(key.Path, "limits.") && !strings.HasPrefix(key.Path, "apps[].limits.") {
			continue
		}
		cells, ok := rows[key.Path]
		delete(rows, key.Path)
		if !ok {
			t.Errorf("%s is missing", key.Path)
			continue
		}
		if got := strings.Trim(cells[2], "`"); got != key.Default {
			t.Errorf("%s: the default is %q, want %q", key.Path, got, key.Default)
		}
		want := "any"
		if low, high, ranged := strings.Cut(key.Range, "-"); ranged && high == "" {
			want = "at least " + low
		} else if ranged {
			want = low + " to " + high
		}
		if key.Path == "limits.timestamp_window" {
			want = "whole seconds" // checked by hand
		}
		if cells[3] != want {
			t.Errorf("%s: the range is %q, want %q", key.Path, cells[3], want)
		}
		if cells[4] == "" || cells[5] == "" {
			t.Errorf("%s: what the client sees, or the counter, is missing", key.Path)
		}
		for _, m := range regexp.MustCompile("`(gannet_[a-z_]+)(?:{[a-z]+=\"([a-z_]+)\"})?`").FindAllStringSubmatch(cells[5], -1) {
			if !strings.Contains(code, m[1]) {
				t.Errorf("%s: nothing in the code is called %s", key.Path, m[1])
			}
			if m[2] != "" && !strings.Contains(code, `"`+m[2]+`"`) {
				t.Errorf("%s: nothing in the code is counted as %q", key.Path, m[2])
			}
		}
	}
	for path := range rows {
		t.Errorf("%s is not a limit", path)
	}
}

// sources returns the Go code below roots, without tests.
func sources(t *testing.T, roots ...string) string {
	t.Helper()
	var all strings.Builder
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			all.Write(source)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
