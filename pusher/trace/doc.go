// Package trace says what became of single publishes, a few of many: which parts they went through, and when.
//
// A [Tracer] decides which. Of one that is to be traced there is a [Span] for each part, and a span that has ended is handed over to be
// exported, by package otlp or by a test. What is handed on to other processes is a [Context], in the words of W3C Trace Context.
//
// Publishes that are not traced cost nothing: there is no Tracer where tracing is off, no Span where the dice fell otherwise, and whoever has
// none asks for none. The methods of a Span may therefore not be called on nil, but those of a nil Tracer say no.
//
// Attributes say what an operator may know: names of apps, channels and events, sizes, counts. What was published, who
// is meant by it, and what signs it is never among them.
package trace
