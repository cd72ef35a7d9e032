// Package report turns what a run has counted into what a person wants to know: a Result, which is
// also the JSON document, its table, and its picture.
//
// An Outcome is the raw material, as the crew collects it. Summarize judges it: what was lost, what
// it cost the server, and whether the generator was good enough for any of it to mean something.
// Everything here is arithmetic and text; it reads no clock and no file.
package report
