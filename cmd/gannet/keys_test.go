package main_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	main "github.com/gannet-io/gannet/cmd/gannet"
)

// A row of one of the tables in docs/config.md.
type row struct{ path, typ, deflt, env, flag string }

func documented(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 7 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		r := row{path: cells[1], typ: cells[2], deflt: cells[3]}
		if r.deflt == "empty" {
			r.deflt = ""
		}
		if len(cells) == 9 {
			r.env, r.flag = cells[5], cells[6]
		}
		if cells[len(cells)-2] == "" {
			t.Errorf("docs/config.md does not say what %s does", r.path)
		}
		rows = append(rows, r)
	}
	return rows
}

func TestDocsListEveryKeyAsItIs(t *testing.T) {
	flags := main.FlagPaths()
	var want []row
	for _, key := range main.Keys() {
		r := row{path: key.Path, typ: key.Type, deflt: key.Default, env: key.Env}
		if slices.Contains(flags, key.Path) {
			r.flag = "--" + strings.NewReplacer(".", "-", "_", "-").Replace(key.Path)
			flags = slices.DeleteFunc(flags, func(path string) bool { return path == key.Path })
		}
		want = append(want, r)
	}
	if len(flags) > 0 {
		t.Errorf("flags %q set nothing", flags)
	}
	got := documented(t)
	for _, r := range want {
		if !slices.Contains(got, r) {
			t.Errorf("docs/config.md: want a row %s", r)
		}
	}
	for _, r := range got {
		if !slices.Contains(want, r) {
			t.Errorf("docs/config.md: the row %s is not so", r)
		}
	}
}

func (r row) String() string {
	return fmt.Sprintf("| %s | %s | %s | … | %s | %s |", r.path, r.typ, r.deflt, r.env, r.flag)
}

func TestTheFileInTheDocsLoads(t *testing.T) {
	text, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(string(text), "```yaml\n")
	sample, _, _ = strings.Cut(sample, "```")
	if cfg, err := load(t, sample); err != nil || len(cfg.Apps) != 1 || len(cfg.Warnings) > 0 {
		t.Errorf("%s\n%v %v", sample, cfg, err)
	}
}

func TestEveryServerFlagReachesItsKey(t *testing.T) {
	for _, tt := range []struct{ flag, value, want string }{
		// A bad value is answered with the key that the flag sets.
		{"--listen", "x", "--listen: listen: "},
		{"--admin-listen", "x", "--admin-listen: admin.listen: "},
		{"--rest-listen", "x", "--rest-listen: rest.listen: "},
		{"--path-prefix", "x", "--path-prefix: path_prefix: "},
		{"--drain-window", "x", "--drain-window: want a duration"},
		{"--loops", "x", "--loops: want a whole number"},
		{"--log-level", "x", "--log-level: log.level: "},
		{"--log-format", "x", "--log-format: log.format: "},
	} {
		code, _, errOut := runCommand(t, "", "serve", "--dev", tt.flag, tt.value)
		if code != 1 || !strings.HasPrefix(errOut, tt.want) {
			t.Errorf("%s %s: code %d, %q; want 1, %q", tt.flag, tt.value, code, errOut, tt.want)
		}
	}
}

func TestNearestIsTheKeyThatWasMeantOrNone(t *testing.T) {
	known := []string{"listen", "admin", "rest", "loops", "log", "limits", "path_prefix"}
	for word, want := range map[string]string{
		"lisen": "listen", "lsiten": "listen", "listens": "listen", "Listen": "listen", "loop": "loops", "lop": "log",
		"logs": "log", "pathprefix": "path_prefix", "path-prefix": "path_prefix", "limit": "limits",
		"colour": "", "x": "", "": "", "tls": "", "data_dir": "", "restless": "",
	} {
		if got := main.Nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
