// Package picture holds what the pictures of measurements share: a sheet in light and dark, axes
// with round ticks, and words that are safe as XML. What is drawn where is up to its users.
//
// A picture is one SVG document. It needs no font, script or other file, and stands on a
// background of its own, so that it can be read on any page.
package picture

import (
	"fmt"
	"strings"
)

// A sheet in pixels: its width, and what stays free at its sides.
const (
	Width  = 960
	Margin = 40
)

// The colours of data. They stay apart for most colour-blind eyes, and on light and dark.
const (
	Blue   = "#2f6fdb"
	Teal   = "#0f9d8a"
	Orange = "#e2711d"
	Red    = "#c62f2f"
)

// Classes of words and lines, beside "small", "axis", "heading", "figure" and "mono": what follows
// the viewer's choice of light or dark.
const style = `text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:#1c2430}` +
	`.card{fill:#fff}.grid{stroke:#e6e9ed}.other{fill:#9aa4b2}` +
	`.muted{fill:#67717e}.small{font-size:12px}.axis{font-size:12px;fill:#67717e}` +
	`.heading{font-size:15px;font-weight:600}.figure{font-size:24px;font-weight:650}` +
	`.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:11px;fill:#67717e}` +
	`.bad{fill:` + Red + `}` +
	`@media(prefers-color-scheme:dark){text{fill:#e6edf3}.card{fill:#12171f}.grid{stroke:#2b333d}.other{fill:#657080}` +
	`.muted,.axis,.mono{fill:#98a2ae}.bad{fill:#ff7b72}}`

// A Sheet grows downwards; Y is where the next thing goes.
type Sheet struct {
	b strings.Builder
	Y float64
}

// Add appends an element. Words in it must have been escaped.
func (s *Sheet) Add(format string, args ...any) { fmt.Fprintf(&s.b, format+"\n", args...) }

// Text writes words at a place. class and anchor may be empty; there may be several classes.
func (s *Sheet) Text(x, y float64, class, anchor, words string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	s.Add(`<text x="%.1f" y="%.1f" class="%s"%s>%s</text>`, x, y, class, anchor, Escape(words))
}

// Line draws a line of an axis or between parts.
func (s *Sheet) Line(x1, y1, x2, y2 float64) {
	s.Add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="grid"/>`, x1, y1, x2, y2)
}

// SVG returns the document, of the height that Y has come to.
func (s *Sheet) SVG(title string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" viewBox="0 0 %d %.0f" role="img">`+"\n", Width, s.Y, Width, s.Y)
	fmt.Fprintf(&b, "<title>%s</title>\n<style>%s</style>\n", Escape(title), style)
	b.WriteString(`<rect width="100%" height="100%" rx="10" class="card"/>` + "\n")
	b.WriteString(s.b.String())
	b.WriteString("</svg>\n")
	return []byte(b.String())
}
