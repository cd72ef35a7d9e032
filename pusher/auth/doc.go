// Package auth checks the HMAC-SHA256 signatures of the Pusher protocol: of a subscription, of a sign-in and of a
// request to the HTTP API. It also makes them, for tools and tests.
//
// A signature is always the lower-case hex of HMAC-SHA256 over some text, with an app's secret as the key, taken as
// UTF-8 text. What differs is the text:
//
//	private channel           socket_id:channel
//	any, with channel_data    socket_id:channel:channel_data
//	sign-in                   socket_id::user::user_data
//	HTTP request              METHOD\npath\nk=v&k=v   (sorted, not escaped, without auth_signature)
//
// channel_data and user_data enter verbatim. Signatures are compared in constant time. Neither a secret nor the
// signature that would have been right is ever part of an error.
//
// It is a leaf without clock, lock or cache; who owns the secrets and which key belongs to which app is the caller's
// knowledge. Functions may be called from any goroutine, a Verifier by one at a time.
package auth
