package report

// SVG draws r.
func SVG(r *Result) []byte { return nil }
