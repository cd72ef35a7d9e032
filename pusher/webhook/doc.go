// Package webhook tells an app's backend what happens on its channels: signed HTTP requests, as Pusher sends them.
//
// A [Sender] is a node's Notifier. Notify only appends to a list. One goroutine, the dispatcher, owns all else: it puts what
// has happened into an [outbox.Outbox], which decides what is to be sent, starts a goroutine for each request, and hands what must be safe to a [journal.Journal]
// before. A receiver is therefore nobody's problem but its own.
//
// A request:
//
//	POST {url}
//	Content-Type: application/json
//	X-Pusher-Key: {the app's oldest key, or the webhook's own}
//	X-Pusher-Signature: {hex HMAC-SHA256 of the body}
//	X-Gannet-Delivery: {the same for each try of a batch, and for no other batch}
//	X-Gannet-Attempt: {1, 2, …}
//
//	{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"my-channel"}]}
//
// Any 2XX is success. Redirects are not followed, proxies of the environment are not used, and where a socket connects to is checked by [Targets].
//
// A Sender lives from New, which reads the journal, over Start to Close. Notify may be called before Start; what it takes waits.
package webhook
