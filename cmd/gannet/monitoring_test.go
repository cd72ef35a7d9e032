package main_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/goccy/go-yaml"
)

// A metricRow is one row of docs/metrics.md.
type metricRow struct {
	kind   string // counter, gauge, histogram
	labels []string
}

// documentedMetrics reads docs/metrics.md, which another test holds against the code.
func documentedMetrics(t *testing.T) map[string]metricRow {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]metricRow)
	for _, m := range regexp.MustCompile("(?m)^\\| `(gannet_[a-z_]+)` \\| (\\w+) \\|([^|]*)\\|").FindAllSubmatch(page, -1) {
		d := metricRow{kind: string(m[2])}
		for _, label := range regexp.MustCompile("`(\\w+)`").FindAllSubmatch(m[3], -1) {
			d.labels = append(d.labels, string(label[1]))
		}
		all[string(m[1])] = d
	}
	if len(all) < 50 {
		t.Fatalf("docs/metrics.md has %d metrics in its table", len(all))
	}
	return all
}

// foreign are the metrics and labels that Prometheus, the Go runtime and the system give.
var (
	foreignMetrics = regexp.MustCompile(`^(up|process_(cpu_seconds_total|resident_memory_bytes|open_fds|max_fds)|go_(goroutines|memstats_heap_inuse_bytes))$`)
	foreignLabels  = []string{"job", "instance", "le"}
)

// checkExpression reports what is wrong with an expression of PromQL: metrics that there are not, labels that they have not, counters whose
// value is looked at, gauges and counters mixed up.
func checkExpression(known map[string]metricRow, text string) (problems []string) {
	text = strings.ReplaceAll(text, "$__rate_interval", "5m")
	expr, err := metricsql.Parse(text)
	if err != nil {
		return []string{err.Error()}
	}
	labels := map[string]bool{}
	var groupings []string
	var walk func(e metricsql.Expr, within string)
	walk = func(e metricsql.Expr, within string) {
		switch e := e.(type) {
		case *metricsql.MetricExpr:
			for _, alternatives := range e.LabelFilterss {
				name := ""
				for _, f := range alternatives {
					if f.Label == "__name__" {
						name = f.Value
					}
				}
				if foreignMetrics.MatchString(name) {
					for _, label := range foreignLabels {
						labels[label] = true
					}
					continue
				}
				d, ok := metricRow{}, false
				for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
					bare, found := strings.CutSuffix(name, suffix)
					if d, ok = known[bare]; found && ok && (d.kind == "histogram") == (suffix != "") {
						break
					}
					ok = false
				}
				if !ok {
					problems = append(problems, "there is no metric "+name)
					continue
				}
				rated := within == "rate" || within == "increase"
				if d.kind == "gauge" && rated {
					problems = append(problems, name+" is a gauge, and has no rate")
				}
				has := append(slices.Clone(foreignLabels), d.labels...)
				for _, label := range has {
					labels[label] = true
				}
				for _, f := range alternatives {
					if f.Label != "__name__" && !slices.Contains(has, f.Label) {
						problems = append(problems, name+" has no label "+f.Label)
					}
				}
			}
		case *metricsql.RollupExpr:
			walk(e.Expr, within)
		case *metricsql.FuncExpr:
			for _, arg := range e.Args {
				walk(arg, e.Name)
			}
		case *metricsql.AggrFuncExpr:
			groupings = append(groupings, e.Modifier.Args...)
			for _, arg := range e.Args {
				walk(arg, "")
			}
		case *metricsql.BinaryOpExpr:
			walk(e.Left, "")
			walk(e.Right, "")
		}
	}
	walk(expr, "")
	for _, label := range groupings {
		if !labels[label] {
			problems = append(problems, "no metric in it has the label "+label)
		}
	}
	return problems
}

func TestCheckExpressionFindsWhatIsWrong(t *testing.T) {
	known := map[string]metricRow{
		"gannet_c_total":   {kind: "counter", labels: []string{"reason"}},
		"gannet_g":         {kind: "gauge"},
		"gannet_h_seconds": {kind: "histogram", labels: []string{"route"}},
	}
	for text, want := range map[string]string{
		`sum by (reason) (rate(gannet_c_total{reason="x"}[5m])) / 2`:                      "",
		`gannet_g{job="$job"} offset 10m > 3`:                                             "",
		`histogram_quantile(0.9, sum by (le, route) (rate(gannet_h_seconds_bucket[1m])))`: "",
		`rate(gannet_x_total[5m])`:                                                        "there is no metric gannet_x_total",
		`rate(gannet_h_seconds[5m])`:                                                      "there is no metric gannet_h_seconds",
		`rate(gannet_g_bucket[5m])`:                                                       "there is no metric gannet_g_bucket",
		`rate(gannet_g[5m])`:                                                              "gannet_g is a gauge, and has no rate",
		`gannet_g{app="x"}`:                                                               "gannet_g has no label app",
		`sum by (app) (gannet_g)`:                                                         "no metric in it has the label app",
		`sum(`:                                                                            "unexpected token",
	} {
		got := strings.Join(checkExpression(known, text), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestDashboardAsksForMetricsThatExist(t *testing.T) {
	known := documentedMetrics(t)
	text, err := os.ReadFile("../../docs/monitoring/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	ids, count := map[int]bool{}, 0
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("%s has the id of another panel", p.Title)
		}
		ids[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s is wider than the dashboard", p.Title)
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			count++
			for _, problem := range checkExpression(known, target.Expr) {
				t.Errorf("%s: %s: %s", p.Title, target.Expr, problem)
			}
			for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				if !regexp.MustCompile(`by \([^)]*\b` + m[1] + `\b`).MatchString(target.Expr) {
					t.Errorf("%s: %s is no label of %s", p.Title, m[1], target.Expr)
				}
			}
		}
	}
	if count < 40 {
		t.Errorf("%d expressions were found, want all", count)
	}
	for _, v := range board.Templating.List {
		for _, name := range regexp.MustCompile(`gannet_\w+`).FindAllString(v.Definition, -1) {
			if _, ok := known[name]; !ok {
				t.Errorf("the variable %s asks for %s, which there is not", v.Name, name)
			}
		}
	}
}

func TestAlertsAskForMetricsThatExist(t *testing.T) {
	known := documentedMetrics(t)
	text, err := os.ReadFile("../../docs/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
			Name string `yaml:"name"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if names[rule.Alert] || !strings.HasPrefix(rule.Alert, "Gannet") {
				t.Errorf("%q is no name of its own", rule.Alert)
			}
			names[rule.Alert] = true
			for _, problem := range checkExpression(known, rule.Expr) {
				t.Errorf("%s: %s", rule.Alert, problem)
			}
			if s := rule.Labels["severity"]; s != "page" && s != "ticket" || rule.Annotations["summary"] == "" {
				t.Errorf("%s has severity %q and summary %q", rule.Alert, s, rule.Annotations["summary"])
			}
		}
	}
	runbook, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^### (Gannet\w+)\n\n\S`).FindAllSubmatch(runbook, -1) {
		told[string(m[1])] = true
	}
	if missing, stale := without(names, told), without(told, names); len(missing)+len(stale) > 0 {
		t.Errorf("docs/monitoring.md says nothing about %v, and something about %v, which there are not", missing, stale)
	}
	if len(names) < 15 {
		t.Errorf("%d alerts were read", len(names))
	}
}
