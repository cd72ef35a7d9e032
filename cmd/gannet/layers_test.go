package main_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gannet-io/gannet"

// A layer is one package's place: what it may import of ours and whether it is pure, that
// is, without sockets, files, goroutines, locks and clocks of its own.
type layer struct {
	pure bool
	// on lists the packages it stands on. What those stand on may be imported too.
	on []string
}

// layers draws docs/architecture.md's picture. A new package gets its line here first.
var layers = map[string]layer{
	"frame":           {pure: true},
	"frame/handshake": {pure: true, on: []string{"frame"}},
	"frame/deflate":   {pure: true, on: []string{"frame"}},
	"frame/frametest": {},

	"engine/backlog": {pure: true, on: []string{"frame"}},
	"engine/wheel":   {pure: true},
	"engine/reasons": {},
	"engine/seldom":  {},

	"engine/history":             {pure: true, on: []string{"frame"}},
	"engine/history/memstream":   {pure: true, on: []string{"engine/history"}},
	"engine/history/busstream":   {pure: true, on: []string{"engine/history/memstream", "engine/backbone"}},
	"engine/history/historytest": {on: []string{"engine/history"}},

	"engine/backbone":              {},
	"engine/backbone/membus":       {on: []string{"engine/backbone"}},
	"engine/backbone/redisbus":     {on: []string{"engine/backbone"}},
	"engine/backbone/natsbus":      {on: []string{"engine/backbone"}},
	"engine/backbone/backbonetest": {on: []string{"engine/backbone"}},

	"engine/proxies": {pure: true},
	"engine/peers":   {pure: true},
	"engine":         {on: []string{"engine/seldom", "engine/backlog", "engine/wheel", "frame/handshake", "frame/deflate", "engine/reasons", "engine/proxies", "engine/peers"}},
	"engine/certs":   {},

	"engine/certs/acmecerts": {on: []string{"engine/certs"}},

	"engine/hub":  {on: []string{"engine"}},
	"engine/echo": {on: []string{"engine"}},

	"pusher":               {pure: true},
	"pusher/allow":         {pure: true},
	"pusher/wire":          {pure: true, on: []string{"pusher"}},
	"pusher/auth":          {pure: true, on: []string{"pusher"}},
	"pusher/app":           {pure: true, on: []string{"pusher"}},
	"pusher/app/appstatic": {on: []string{"pusher/app"}},
	"pusher/app/apptest":   {on: []string{"pusher/app"}},
	"pusher/quota":         {pure: true, on: []string{"pusher/app"}},
	"pusher/once":          {pure: true},
	"pusher/channel":       {pure: true, on: []string{"pusher/wire", "pusher/auth", "pusher/app"}},
	"pusher/user":          {pure: true, on: []string{"pusher/wire", "pusher/app"}},
	"pusher/session":       {pure: true, on: []string{"pusher/channel", "pusher/user", "pusher/quota", "pusher/auth"}},

	"pusher/ledger":  {pure: true},
	"pusher/cluster": {on: []string{"engine/backbone", "pusher/ledger"}},
	"pusher/live":    {on: []string{"pusher/wire"}},
	"pusher/trace":   {pure: true},
	"pusher/node":    {on: []string{"pusher/live", "pusher/trace", "pusher/session", "engine/hub", "engine/history/busstream", "pusher/cluster"}},
	"pusher/fleet":   {on: []string{"pusher/node"}},
	"pusher/gateway": {on: []string{"pusher/node", "pusher/allow"}},
	"pusher/resume":  {pure: true},
	"pusher/console": {pure: true},
	"pusher/rest":    {on: []string{"pusher/node", "pusher/once", "pusher/allow", "pusher/resume", "engine/proxies"}},
	"pusher/admin":   {on: []string{"pusher/fleet", "pusher/allow"}},
	"pusher/demo":    {on: []string{"pusher/node", "pusher/allow"}},

	"pusher/trace/otlp": {on: []string{"pusher/trace", "engine/seldom"}},

	"pusher/webhook/outbox":  {pure: true, on: []string{"pusher/wire", "pusher/app"}},
	"pusher/webhook/journal": {on: []string{"pusher/webhook/outbox"}},
	"pusher/webhook":         {on: []string{"pusher/webhook/journal", "pusher/auth"}},

	"cmd/gannet":     {on: []string{"pusher/gateway", "pusher/rest", "pusher/admin", "pusher/console", "pusher/demo", "pusher/webhook", "pusher/trace/otlp", "pusher/app/appstatic", "engine/echo", "engine/certs/acmecerts", "engine/backbone/redisbus", "engine/backbone/natsbus"}},
	"cmd/gannet/e2e": {on: []string{"cmd/gannet"}},
	"bench":          {on: []string{"loadtest/report", "loadtest/picture"}},
	"bench/ceiling":  {on: []string{"frame/handshake", "pusher/wire"}},

	"bench/goroutines": {on: []string{"pusher/wire"}},

	"loadtest":        {on: []string{"loadtest/crew"}},
	"loadtest/crew":   {on: []string{"loadtest/swarm", "loadtest/report"}},
	"loadtest/report": {on: []string{"loadtest/plan", "loadtest/probe", "loadtest/tally", "loadtest/picture"}},

	"loadtest/picture": {pure: true},
	"loadtest/probe":   {},
	"loadtest/plan":    {pure: true},
	"loadtest/tally":   {on: []string{"loadtest/plan"}},
	"loadtest/swarm":   {on: []string{"loadtest/plan", "loadtest/tally", "pusher/auth"}},
}

// mechanism is what stands below the line that only crossing may step over, but for the
// packages that know of neither side.
var (
	neutral   = []string{"engine/reasons", "engine/seldom", "engine/proxies"}
	mechanism = []string{"frame", "engine"}
	crossing  = []string{"pusher/node", "pusher/cluster", "pusher/fleet", "pusher/gateway", "cmd/gannet", "bench/ceiling"}
)

// homes says where an outside library may be imported; its types stay there. A home ending
// in "/..." takes in what is below it. Tests may use any of them.
var homes = map[string][]string{
	"github.com/gobwas/":                 {"frame/...", "cmd/gannet/...", "loadtest/...", "bench/..."},
	"github.com/gorilla/websocket":       {"bench/goroutines"},
	"github.com/panjf2000/gnet/":         {"engine"},
	"github.com/pires/go-proxyproto":     {"engine/proxies"},
	"github.com/caddyserver/certmagic":   {"engine/certs/acmecerts"},
	"go.uber.org/zap":                    {"engine/certs/acmecerts"},
	"github.com/redis/rueidis":           {"engine/backbone/redisbus"},
	"github.com/nats-io/":                {"engine/backbone/natsbus"},
	"github.com/letsencrypt/pebble/":     {}, // tests alone
	"github.com/miekg/dns":               {},
	"github.com/bytedance/sonic":         {"pusher/wire"},
	"github.com/valyala/fasthttp":        {"pusher/rest"},
	"github.com/klauspost/compress/":     {"frame/deflate"},
	"go.etcd.io/bbolt":                   {"pusher/webhook/journal"},
	"go.opentelemetry.io/":               {"pusher/trace/otlp"},
	"google.golang.org/protobuf/":        {}, // tests alone
	"github.com/alecthomas/kong":         {"cmd/gannet"},
	"github.com/coreos/go-systemd/":      {"cmd/gannet"},
	"github.com/goccy/go-yaml":           {"cmd/gannet"},
	"github.com/VictoriaMetrics/metrics": {"..."},
	"github.com/HdrHistogram/":           {"loadtest/...", "bench/..."},
	"gonum.org/v1/plot":                  {"loadtest/...", "bench/..."},
	"golang.org/x/sys/":                  {"engine/...", "loadtest/...", "bench/..."},
	"github.com/pusher/pusher-http-go/":  {}, // tests alone
	"go.uber.org/goleak":                 {},
}

// impure are the standard packages that a pure package may not import.
var impure = []string{"net", "net/http", "os", "os/exec", "os/signal", "sync", "sync/atomic", "syscall", "log", "log/slog", "unique", "weak"}

// clocks are the functions of package time that read a clock or wait for one.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// listed is what the test needs of go list -json.
type listed struct {
	ImportPath, Dir, Name              string
	GoFiles, IgnoredGoFiles            []string
	Imports, TestImports, XTestImports []string
}

// path returns p's path within the module.
func (p *listed) path() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func packages(t *testing.T) []listed {
	t.Helper()
	command := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Name,GoFiles,IgnoredGoFiles,Imports,TestImports,XTestImports", "./...")
	command.Dir = filepath.Join("..", "..")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

// below returns everything that a package may import of ours.
func below(path string) []string {
	var all []string
	for _, on := range layers[path].on {
		if !slices.Contains(all, on) {
			all = append(all, on)
		}
		all = append(all, below(on)...)
	}
	return all
}

func TestEveryPackageHasItsPlace(t *testing.T) {
	for _, p := range packages(t) {
		if _, ok := layers[p.path()]; !ok {
			t.Errorf("%s has no place: add it to layers in layers_test.go, with what it stands on and whether it is pure, and to docs/architecture.md", p.path())
		}
	}
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		path := p.path()
		allowed := below(path)
		for _, imported := range p.Imports {
			target, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			if !slices.Contains(allowed, target) {
				t.Errorf("%s imports %s, which does not stand below it", path, target)
			}
			if within(target, mechanism) && !slices.Contains(neutral, target) && !within(path, mechanism) && !slices.Contains(crossing, path) {
				t.Errorf("%s imports %s; only %s cross from Pusher to the mechanism", path, target, strings.Join(crossing, ", "))
			}
		}
	}
}

func within(path string, trees []string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		return path == tree || strings.HasPrefix(path, tree+"/")
	})
}

func TestOutsideLibrariesStayAtHome(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			home, outside := homeOf(imported)
			if !outside {
				continue
			}
			if home == nil {
				t.Errorf("%s imports %s, which has no home: add it to homes in layers_test.go", p.path(), imported)
			} else if !livesIn(p.path(), home) {
				t.Errorf("%s imports %s, whose home is %s", p.path(), imported, strings.Join(home, ", "))
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if home, outside := homeOf(imported); outside && home == nil {
				t.Errorf("the tests of %s import %s, which has no home: add it to homes in layers_test.go", p.path(), imported)
			}
		}
	}
}

// homeOf returns where a library lives, nil when nobody has said; outside is false for the
// standard library and for our own packages.
func homeOf(imported string) (home []string, outside bool) {
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") || strings.HasPrefix(imported, module) {
		return nil, false
	}
	for prefix, home := range homes {
		if strings.HasPrefix(imported, prefix) {
			return home, true
		}
	}
	return nil, true
}

func livesIn(path string, homes []string) bool {
	return slices.ContainsFunc(homes, func(home string) bool {
		tree, all := strings.CutSuffix(home, "...")
		tree = strings.TrimSuffix(tree, "/")
		return path == home || all && (tree == "" && !layers[path].pure || tree != "" && within(path, []string{tree}))
	})
}

func TestPurePackagesHaveNoSocketGoroutineLockOrClock(t *testing.T) {
	for _, p := range packages(t) {
		if !layers[p.path()].pure {
			continue
		}
		// Files for other platforms and build tags obey the same rule.
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Errorf("%s/%s: %v", p.path(), name, err)
				continue
			}
			impurities(fset, file, func(line int, what string) {
				t.Errorf("%s/%s:%d: %s in a pure package", p.path(), name, line, what)
			})
		}
	}
}

// impurities reports what a file of a pure package may not hold.
func impurities(fset *token.FileSet, file *ast.File, report func(line int, what string)) {
	timeName := ""
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if slices.Contains(impure, imported) {
			report(fset.Position(spec.Pos()).Line, "import of "+imported)
		}
		if imported == "time" {
			timeName = "time"
			if spec.Name != nil {
				timeName = spec.Name.Name
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(fset.Position(n.Pos()).Line, "a go statement")
		case *ast.SelectorExpr:
			name, ok := n.X.(*ast.Ident)
			if ok && timeName != "" && name.Name == timeName && slices.Contains(clocks, n.Sel.Name) {
				report(fset.Position(n.Pos()).Line, "time."+n.Sel.Name)
			}
		}
		return true
	})
}

func TestImpuritiesAreSeen(t *testing.T) {
	const source = `package p
import ("os"; clock "time"; "sync")
func f() {
	go f()
	clock.Now()
	var d clock.Duration
	_ = clock.Unix(0, 0)
}`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	impurities(fset, file, func(line int, what string) { got = append(got, strconv.Itoa(line)+" "+what) })
	want := []string{"2 import of os", "2 import of sync", "4 a go statement", "5 time.Now"}
	if !slices.Equal(got, want) {
		t.Errorf("impurities(%s)\n got %q\nwant %q", source, got, want)
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue // tests alone
		}
		documented := false
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Errorf("%s/%s: %v", p.path(), name, err)
				continue
			}
			documented = documented || file.Doc != nil
		}
		if !documented {
			t.Errorf("%s has no package doc: say what it is for, what it is not, and who may call it", p.path())
		}
	}
}
