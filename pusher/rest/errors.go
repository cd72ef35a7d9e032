package rest

import (
	"errors"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/auth"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A refusal is an answer other than 200. Shared, immutable.
type refusal struct {
	status  int
	reason  string // metric label, snake_case
	message string // the body
	cause   error  // logged when status is 500 or more; never shown
	retry   int    // seconds to wait before trying again, for Retry-After; 0: nobody knows
}

func (r *refusal) Error() string { return "rest: " + r.message }

func (r *refusal) Unwrap() error { return r.cause }

// refusalOf is the one table from errors to answers.
func refusalOf(err error) *refusal {
	var own *refusal
	if errors.As(err, &own) {
		return own
	}
	var unsigned *auth.Error
	if errors.As(err, &unsigned) {
		return &refusal{status: fasthttp.StatusUnauthorized, reason: unsigned.Reason, message: unsigned.Message}
	}
	var malformed *wire.Error
	if errors.As(err, &malformed) {
		return &refusal{status: fasthttp.StatusBadRequest, reason: "malformed_body", message: malformed.Message}
	}
	return &refusal{status: fasthttp.StatusInternalServerError, reason: "internal", message: "Internal server error", cause: err}
}

// Refusals of the door itself.
var (
	errNotFound    = &refusal{status: fasthttp.StatusNotFound, reason: "not_found", message: "Not found"}
	errHost        = &refusal{status: fasthttp.StatusMisdirectedRequest, reason: "host_not_allowed", message: "This server does not answer for that host"}
	errTLSRequired = &refusal{status: fasthttp.StatusForbidden, reason: "tls_required", message: "TLS is required here, use https"}
	errMethod      = &refusal{status: fasthttp.StatusMethodNotAllowed, reason: "method", message: "Method not allowed"}
	errEncoding    = &refusal{status: fasthttp.StatusUnsupportedMediaType, reason: "content_encoding", message: "Request bodies must not have a Content-Encoding"}
	errAppDisabled = &refusal{status: fasthttp.StatusForbidden, reason: "app_disabled", message: pusher.ErrAppDisabled.Message}
	// The text and the reason are package auth's.
	errUnsignedBody = &refusal{status: fasthttp.StatusUnauthorized, reason: "bad_body_md5", message: "Invalid body_md5"}
	errPanicked     = &refusal{status: fasthttp.StatusInternalServerError, reason: "panic", message: "Internal server error"}
	errHeadTooBig   = &refusal{status: fasthttp.StatusRequestHeaderFieldsTooLarge, reason: "head_too_large", message: "Request head too large"}
	errTimeout      = &refusal{status: fasthttp.StatusRequestTimeout, reason: "timeout", message: "Request not received in time"}
	errNoWebSocket  = &refusal{status: fasthttp.StatusNotFound, reason: "websocket", message: "WebSockets are served on another port"}
	errRetiring     = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "draining", message: "The server is shutting down"}
	errMalformed    = &refusal{status: fasthttp.StatusBadRequest, reason: "malformed_request", message: "Malformed HTTP request"}
)

func bodyTooLarge(limit int) *refusal {
	return &refusal{status: fasthttp.StatusRequestEntityTooLarge, reason: "body_too_large",
		message: "The request body exceeds the allowed maximum (" + strconv.Itoa(limit) + " bytes)"}
}

func chunksTooLarge(limit int) *refusal {
	return &refusal{status: fasthttp.StatusRequestEntityTooLarge, reason: "body_too_large",
		message: "The request body exceeds the allowed maximum (" + strconv.Itoa(limit) + " bytes, " +
			strconv.Itoa(maxUnsignedBytes) + " in chunks without a good signature)"}
}

// Refusals of a request's content.
var (
	errNoName              = bad("no_name", "Missing required field: name")
	errReservedName        = bad("reserved_event", `Event names beginning with "pusher:" or "pusher_internal:" are reserved`)
	errBadInfo             = bad("bad_info", "info should be a comma separated list of attributes")
	errUserCountFilter     = bad("user_count_filter", `user_count may only be requested with a filter_by_prefix beginning with "presence-"`)
	errUserCountPresence   = bad("user_count_presence", "user_count may only be requested for presence channels")
	errCacheChannel        = bad("cache_channel", "cache may only be requested for cache channels")
	errNoSubscriptionCount = bad("subscription_count_off", "subscription_count is not enabled for this app")
	errUsersPresence       = bad("users_presence", "Users can only be retrieved for presence channels")
	errLongKey             = bad("idempotency_key_too_long", "An idempotency key may be 255 bytes long at most")
	errKeyReused           = bad("idempotency_key_reused", "This idempotency key belongs to another request")
	errNoHistory           = bad("no_history", "No rule of the app gives this channel a history")
	errBadSerial           = bad("bad_serial", "since and before should be serials of events")
	errBadLimit            = bad("bad_limit", "limit should be a number from 1 to 1000")
	errBadOrder            = bad("bad_order", "order should be oldest or newest")
	errBadUserID           = bad("bad_user_id", "Invalid user id")
)

func bad(reason, message string) *refusal {
	return &refusal{status: fasthttp.StatusBadRequest, reason: reason, message: message}
}

func eventNameTooLong(limit int) *refusal {
	return bad("event_name_too_long", "The name of this event exceeds the allowed maximum ("+strconv.Itoa(limit)+" characters)")
}

func tooManyChannels(limit int) *refusal {
	return bad("too_many_channels", "An event may be published to at most "+strconv.Itoa(limit)+" channels")
}

func batchTooLong(limit int) *refusal {
	return bad("batch_too_long", "A batch may hold at most "+strconv.Itoa(limit)+" events")
}

// tooManyRequests refuses a request of what, an app or a key, that may make another one after wait.
func tooManyRequests(reason, what string, perSecond int, wait time.Duration) *refusal {
	return &refusal{status: fasthttp.StatusTooManyRequests, reason: reason, retry: int((wait + time.Second - 1) / time.Second),
		message: "Too many requests: " + what + " may make " + strconv.Itoa(perSecond) + " a second"}
}

func badChannel(name string) *refusal {
	return bad("bad_channel", pusher.BadChannel(name).Message)
}

func badSocketID(id string) *refusal {
	const most = 64 // no id of ours is nearly as long
	if len(id) > most {
		id = id[:most]
	}
	return bad("bad_socket_id", "Invalid socket id: "+strconv.Quote(id))
}

// dataTooLarge says what Pusher says (pusher-http-python issue 220).
func dataTooLarge(limit int) *refusal {
	return &refusal{status: fasthttp.StatusRequestEntityTooLarge, reason: "data_too_large",
		message: "The data content of this event exceeds the allowed maximum (" + strconv.Itoa(limit) +
			" bytes). See https://pusher.com/docs/channels/server_api/http-api#publishing-events for more info"}
}

// inBatch adds the place of the event, counted from 0, to a refusal of it. 413 keeps Pusher's text.
func inBatch(i int, err error) error {
	r := refusalOf(err)
	if r.status != fasthttp.StatusBadRequest {
		return r
	}
	return bad(r.reason, "Event "+strconv.Itoa(i)+" of the batch: "+r.message)
}

// Faults of ours or of what is behind us: the client may try again.

var errKeyBusy = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "idempotency_key_busy", message: "A request with this idempotency key is being dealt with, try again"}

func registryFailed(err error) *refusal {
	return &refusal{status: fasthttp.StatusServiceUnavailable, reason: "registry", message: "The app cannot be looked up at the moment", cause: err}
}

// Of a cluster. No cause: it is the same for every request of that time, and readiness says it.
var (
	errAway = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "backbone_away", retry: 1,
		message: "The event cannot be published at the moment, as this server does not reach the others: try again"}
	errPartly = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "backbone_lost", retry: 1,
		message: "This server lost the others while the event was on its way, so that only some subscribers have got it: try again"}
	errUnknown = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "backbone_unknown", retry: 1,
		message: "It is not known whether the event was published, as the backbone did not answer: try again, with the same idempotency_key if it has one"}
	errEnvelope = &refusal{status: fasthttp.StatusRequestEntityTooLarge, reason: "backbone_too_large",
		message: "The event is larger than what servers can send each other"}
	errNotRead = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "backbone_away", retry: 1,
		message: "The channel's past cannot be read at the moment, as this server does not reach the others: try again"}
)

// unreachable says why a channel's past cannot be read.
func unreachable(err error) *refusal {
	if errors.Is(err, node.ErrAway) {
		return errNotRead
	}
	return &refusal{status: fasthttp.StatusServiceUnavailable, reason: "history", message: errNotRead.message, cause: err}
}

func publishFailed(err error) *refusal {
	switch {
	case errors.Is(err, node.ErrAway):
		return errAway
	case errors.Is(err, node.ErrPartly):
		return errPartly
	case errors.Is(err, node.ErrUnknown):
		return errUnknown
	case errors.Is(err, node.ErrTooLarge):
		return errEnvelope
	}
	if errors.Is(err, node.ErrBusy) || errors.Is(err, node.ErrFull) {
		// No cause: it would be logged, a line a request, just when there is too much to do.
		return &refusal{status: fasthttp.StatusServiceUnavailable, reason: "busy", retry: 1, message: "Subscribers are too far behind, try again"}
	}
	var quota *pusher.Error
	if errors.As(err, &quota) {
		// Pusher's reference gives 403 to an app over its message quota.
		return &refusal{status: fasthttp.StatusForbidden, reason: quota.Reason, message: quota.Message}
	}
	return &refusal{status: fasthttp.StatusServiceUnavailable, reason: "publish", message: "The event cannot be published at the moment", cause: err}
}

// terminateFailed is the answer when not all nodes could be told to end a user's connections.
func terminateFailed(err error) *refusal {
	return &refusal{status: fasthttp.StatusServiceUnavailable, reason: "terminate", retry: 1, message: "Connections of this server were ended, but others could not be told: try again", cause: err}
}
