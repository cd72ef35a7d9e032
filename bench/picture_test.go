//go:build linux

package main_test

import (
	"encoding/xml"
	"math"
	"strings"
	"testing"

	main "github.com/gannet-io/gannet/bench"
)

// drawing is what the tests look at in a picture.
type drawing struct {
	XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	Texts   []string `xml:"text"`
	Bars    []struct {
		Title string  `xml:"title"`
		Width float64 `xml:"width,attr"`
		X     float64 `xml:"x,attr"`
	} `xml:"rect"`
}

func draw(t *testing.T, document []byte) *drawing {
	t.Helper()
	d := &drawing{}
	// The width of the card behind it all is "100%".
	if err := xml.Unmarshal([]byte(strings.Replace(string(document), `width="100%"`, `width="0"`, 1)), d); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	if strings.Contains(string(document), "NaN") || strings.Contains(string(document), "Inf") {
		t.Errorf("something is no number:\n%s", document)
	}
	return d
}

// width returns how long the bar is whose title begins so.
func (d *drawing) width(t *testing.T, title string) float64 {
	t.Helper()
	for _, b := range d.Bars {
		if strings.HasPrefix(b.Title, title) {
			return b.Width
		}
	}
	t.Fatalf("no bar %q in %+v", title, d.Bars)
	return 0
}

func TestBarsAreAsLongAsTheirValues(t *testing.T) {
	r := main.Results(map[string][]float64{ // of saturate-5k: 5, 1 and a half times the ceiling
		"ceiling": {100e3, 200e3, 50e3}, "gannet": {400e3, 1000e3, 300e3}, "rival": {50e3, 100e3},
	}, map[string]string{"gannet": "S"})
	r.Add("idle", "rss", map[string]float64{"gannet": 1000, "rival": 4000})
	d := draw(t, r.SVG())
	for _, pair := range []struct {
		a, b string
		want float64
	}{
		{"Gannet: 5.00 × · 400k/s S", "plain loop of sends: 1.00 × · 100k/s", 5},
		{"Gannet: 5.00 × · 400k/s S", "rival: 0.50 × · 75k/s", 10},
		{"rival: 4,000 B", "Gannet: 1,000 B", 4},
	} {
		if got := d.width(t, pair.a) / d.width(t, pair.b); math.Abs(got-pair.want) > 0.02*pair.want {
			t.Errorf("the bar of %q is %.2f times that of %q, want %v", pair.a, got, pair.b, pair.want)
		}
	}
	text := strings.Join(d.Texts, "\n")
	for _, want := range []string{"Gannet beside others", "Memory of an idle connection", "5.00 × · 400k/s S", "S: the generator was saturated", "c0ffee"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, not := range []string{"p99 added", "W: "} { // not measured; not there
		if strings.Contains(text, not) {
			t.Errorf("%q in\n%s", not, text)
		}
	}
}

func TestBarsStayOnTheSheet(t *testing.T) {
	r := main.Results(map[string][]float64{"ceiling": {1}, "gannet": {1e9}}, nil)
	for _, line := range main.Lines() {
		for _, key := range []string{"delivered", "cpu", "rss", "connects", "added_p99"} {
			r.Add(line, key, map[string]float64{"gannet": 1e9, "ceiling": 1, "rival": 0})
		}
	}
	d := draw(t, r.SVG())
	for _, words := range d.Texts { // the narrower diagrams' titles
		if strings.HasSuffix(words, "(less is better)") && len(words) > 50 {
			t.Errorf("%q is too long for half a sheet", words)
		}
	}
	for _, b := range d.Bars {
		if b.X+b.Width > 960-40 {
			t.Errorf("%q ends at %.0f", b.Title, b.X+b.Width)
		}
	}
}

func TestNothingMeasuredIsAPictureToo(t *testing.T) {
	draw(t, main.Results(nil, nil).SVG())
}
