// Package otlp exports the spans of package trace, in OpenTelemetry's protocol over HTTP.
//
// An [Exporter] takes spans without ever making anybody wait: they go into a queue with a bound, and where that is full they are dropped and
// counted. One goroutine takes them out, in batches, and sends them by OpenTelemetry's own client, which compresses, tries again
// and waits as the receiver says. A receiver that hangs or refuses costs spans and nothing else.
//
// The queue is here and the client is given whole batches, instead of the SDK's provider and its batches, because the ids are made before (a
// node hands them on before anybody knows whether there will be a span), because there would be two queues, and because
// what the SDK drops it does not count.
package otlp
