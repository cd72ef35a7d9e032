package otlp

const QueueSpans = queueSpans
