package picture_test

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/loadtest/picture"
)

func TestTicksAreRound(t *testing.T) {
	even := picture.FromZero(47_000, 0, 1)
	if got, want := even.Ticks(), []float64{0, 20_000, 40_000, 60_000}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	powers := picture.Decades([]float64{2.3, 41}, 0, 1)
	if got, want := powers.Ticks(), []float64{2, 5, 10, 20, 50}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAValueLiesBetweenTheEndsOfItsScale(t *testing.T) {
	s := picture.FromZero(80, 100, 300) // to 80 and two hundredths, in steps of 20: to 100
	for v, want := range map[float64]float64{-5: 100, 0: 100, 25: 150, 50: 200, 100: 300, 1e9: 300} {
		if got := s.At(v); got != want {
			t.Errorf("%v is at %v, want %v", v, got, want)
		}
	}
}

func TestASheetIsOneDocumentInLightAndDark(t *testing.T) {
	s := &picture.Sheet{}
	s.Text(1, 2, "small", "end", "<&>\x00\ufffe")
	s.Line(0, 0, 5, 5)
	s.Y = 33
	document := s.SVG(`a "title"`)
	var sheet struct {
		XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
		Height  string   `xml:"height,attr"`
		Title   string   `xml:"title"`
		Text    string   `xml:"text"`
	}
	if err := xml.Unmarshal(document, &sheet); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	if sheet.Height != "33" || sheet.Title != `a "title"` || sheet.Text != "<&>  " {
		t.Errorf("%+v", sheet)
	}
	if !strings.Contains(string(document), "prefers-color-scheme:dark") {
		t.Error("it has no colours for the dark")
	}
}
