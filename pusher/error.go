package pusher

import (
	"strconv"
	"unicode/utf8"
)

// An Error is a refusal in the words of the protocol: what goes into a pusher:error and, when Fatal, into the close
// frame after it. Errors are shared and must not be changed.
type Error struct {
	Code    int    // 4000-4302, or 0 for the refusals Pusher sends with "code":null
	Message string // for a person; may quote what the peer sent, never a secret or an expected signature
	Reason  string // bounded set of snake_case words: the metric label
}

// Error returns the code, when there is one, and the message.
func (e *Error) Error() string {
	if e.Code == 0 {
		return "pusher: " + e.Message
	}
	return "pusher: " + strconv.Itoa(e.Code) + " " + e.Message
}

// Fatal reports whether the connection must be closed with Code. Codes of 4300 and above, and none at all, travel only
// in a pusher:error: pusher-js never comes back after a close with 43xx ("Error codes").
func (e *Error) Fatal() bool { return 4000 <= e.Code && e.Code < 4300 }

// Refusals that end the connection. 4000-4099 tell the client not to come back unchanged, 4100-4199 to come back after
// a second or more, 4200-4299 to come back at once ("Error codes" in the Pusher documentation).
var (
	ErrTLSRequired         = &Error{4000, "Application only accepts SSL connections, reconnect using wss://", "tls_required"}
	ErrAppDisabled         = &Error{4003, "Application disabled", "app_disabled"}
	ErrOverQuota           = &Error{4004, "Application is over connection quota", "over_quota"}
	ErrPathNotFound        = &Error{4005, "Path not found", "path_not_found"}
	ErrBadVersion          = &Error{4006, "Invalid version string format", "bad_version"}
	ErrUnsupportedProtocol = &Error{4007, "Unsupported protocol version", "unsupported_protocol"}
	ErrNoProtocol          = &Error{4008, "No protocol version supplied", "no_protocol"}
	ErrUnauthorizedTimeout = &Error{4009, "Connection not authorized within timeout", "unauthorized_timeout"}
	ErrTerminated          = &Error{4009, "You got disconnected by the app.", "terminated"}
	ErrOriginNotAllowed    = &Error{4009, "Origin not allowed", "origin_not_allowed"}
	ErrOverCapacity        = &Error{4100, "Over capacity", "over_capacity"}
	ErrCrowded             = &Error{4100, "Too many connections from your address", "crowded"}
	ErrSlowConsumer        = &Error{4100, "Connection is too slow to keep up with its events", "slow_consumer"}
	ErrReplayOvertaken     = &Error{4100, "Connection is too slow to be sent what it has missed", "replay_overtaken"}
	ErrReconnect           = &Error{4200, "Server is going away, reconnect immediately", "reconnect"}
	ErrPongTimeout         = &Error{4201, "Pong reply not received in time", "pong_timeout"}

	// ErrOverQuotaRetry stands in for ErrOverQuota in apps that follow soketi, where the client comes back.
	ErrOverQuotaRetry = &Error{4100, "Application is over connection quota", "over_quota"}
)

// Refusals that leave the connection open, with a code of their own.
var (
	ErrClientEventRate    = &Error{4301, "Client event rejected due to rate limit", "client_event_rate"}
	ErrAppClientEventRate = &Error{4301, "Client event rejected due to rate limit of the app", "app_client_event_rate"}
	ErrWatchlistTooLong   = &Error{4302, "Watchlist limit exceeded, only the first user ids are watched", "watchlist_too_long"}
)

// ErrAppNotFound says that no app has key. Fatal, 4001.
func ErrAppNotFound(key string) *Error {
	return &Error{4001, "App key " + cut(key) + " not in this cluster. Did you forget to specify the cluster?", "app_not_found"}
}

// Terminated returns ErrTerminated with another close code; 0 gives ErrTerminated itself.
func Terminated(code int) *Error {
	if code == 0 {
		return ErrTerminated
	}
	return &Error{code, ErrTerminated.Message, ErrTerminated.Reason}
}

// ErrBusy answers a client event while more waits to be sent than the server can send; the event was dropped.
var ErrBusy = &Error{0, "Server is busy, client event dropped", "busy"}

// Refusals without a code. Messages in Pusher's own words were seen in reports about its clients; they are worth
// keeping, because people search for them.

// ExistingSubscription answers a second subscription to channel. Pusher's words.
func ExistingSubscription(channel string) *Error {
	return &Error{0, "Existing subscription to channel " + cut(channel), "existing_subscription"}
}

// NoSubscription answers an unsubscription from a channel the connection is not on. Pusher's words.
func NoSubscription(channel string) *Error {
	return &Error{0, "No current subscription to channel " + cut(channel) + ", or subscription in progress", "no_subscription"}
}

// AuthRequired answers a subscription without auth to a channel that needs it. Pusher's words.
func AuthRequired(channel string) *Error {
	return &Error{0, "Auth info required to subscribe to " + cut(channel), "auth_required"}
}

// BadAuthFormat answers an auth without a colon. Pusher's words.
func BadAuthFormat(channel string) *Error {
	return &Error{0, "Auth value for subscription to " + cut(channel) + " is invalid: should be of format 'key:signature'", "bad_auth_format"}
}

// BadAuthKey answers an auth made with a key that is not this app's. Pusher's words.
func BadAuthKey(key string) *Error {
	return &Error{0, "Invalid key in subscription auth data: '" + cut(key) + "'", "bad_auth_key"}
}

// BadSignature answers a signature, got, that does not belong to stringToSign. Pusher's words. The expected signature
// is not among the arguments on purpose; stringToSign is, and is cut to 1024 bytes.
func BadSignature(stringToSign, got string) *Error {
	return &Error{0, "Invalid signature: Expected HMAC SHA256 hex digest of " + cutAt(stringToSign, 1024) + ", but got " + cut(got), "bad_signature"}
}

// UnsupportedEvent answers an event name that is neither the protocol's nor a client event. Pusher's words.
func UnsupportedEvent(name string) *Error {
	return &Error{0, "Unsupported event received on socket: '" + cut(name) + "'", "unsupported_event"}
}

// BadChannel answers a name that ValidChannel refuses.
func BadChannel(name string) *Error {
	return &Error{0, "Invalid channel name: '" + cut(name) + "'", "bad_channel"}
}

// MalformedMessage answers a message that is not an event; detail says what is wrong with it and may be empty.
func MalformedMessage(detail string) *Error {
	e := &Error{0, "Invalid message", "malformed_message"}
	if detail != "" {
		e.Message += ": " + cut(detail)
	}
	return e
}

// SubscribeRate answers a subscription that comes too soon after others of the same connection, of which perSecond may come.
func SubscribeRate(perSecond int) *Error {
	return &Error{0, "Subscription rejected due to rate limit, a connection may ask for " + strconv.Itoa(perSecond) + " a second", "subscribe_rate"}
}

// AppSubscribeRate answers a subscription that comes too soon after others in the app, of which perSecond may come.
func AppSubscribeRate(perSecond int) *Error {
	return &Error{0, "Subscription rejected due to rate limit, the app may have " + strconv.Itoa(perSecond) + " a second", "app_subscribe_rate"}
}

// TooManySubscriptions answers the subscription that would exceed max on one connection.
func TooManySubscriptions(max int) *Error {
	return &Error{0, "Connection may hold at most " + strconv.Itoa(max) + " subscriptions", "too_many_subscriptions"}
}

// PresenceFull answers a new member of a presence channel that has as many as it may.
func PresenceFull(channel string) *Error {
	return &Error{0, "Presence channel " + cut(channel) + " has reached its maximum number of members", "presence_full"}
}

// BadMember answers a correctly signed channel_data that names no usable member; detail says why and may be empty.
func BadMember(channel, detail string) *Error {
	e := &Error{0, "Invalid channel_data for subscription to " + cut(channel), "bad_member"}
	if detail != "" {
		e.Message += ": " + cut(detail)
	}
	return e
}

// MemberTooLarge answers a member whose user_info is longer than max bytes.
func MemberTooLarge(channel string, max int) *Error {
	return &Error{0, "User data for channel " + cut(channel) + " exceeds the allowed maximum (" + strconv.Itoa(max) + " bytes)", "member_too_large"}
}

// UserIDTooLong answers a user id of more than max bytes.
func UserIDTooLong(max int) *Error {
	return &Error{0, "User id exceeds the allowed maximum (" + strconv.Itoa(max) + " characters)", "user_id_too_long"}
}

// NotSignedIn answers a subscription that only a connection signed in as the right user may make.
func NotSignedIn(channel string) *Error {
	return &Error{0, "Sign in as the user to subscribe to " + cut(channel), "not_signed_in"}
}

// ClientEventNotSubscribed answers a client event on a channel the connection is not on. Pusher's words.
func ClientEventNotSubscribed(channel string) *Error {
	return &Error{0, "Cannot broadcast client event (connection not subscribed to channel " + cut(channel) + ")", "client_event_not_subscribed"}
}

// ClientEventRefused answers a client event on a channel whose kind has none.
func ClientEventRefused(channel string) *Error {
	return &Error{0, "Client events are only supported on private and presence channels, not on " + cut(channel), "client_event_refused"}
}

// ClientEventsDisabled answers a client event in an app that has them off.
func ClientEventsDisabled() *Error {
	return &Error{0, "Client events are not enabled for this app", "client_events_disabled"}
}

// ClientEventTooLarge answers a client event whose data is longer than max bytes.
func ClientEventTooLarge(max int) *Error {
	return &Error{0, "The data content of this client event exceeds the allowed maximum (" + strconv.Itoa(max) + " bytes)", "client_event_too_large"}
}

// EventNameTooLong answers a client event whose name is longer than max characters.
func EventNameTooLong(max int) *Error {
	return &Error{0, "The name of this event exceeds the allowed maximum (" + strconv.Itoa(max) + " characters)", "event_name_too_long"}
}

// BadSigninFormat answers a sign-in whose auth has no colon. Pusher's words.
func BadSigninFormat() *Error {
	return &Error{0, "Invalid format: auth must have the format key:signature", "bad_signin_format"}
}

// MissingUserData answers a sign-in without user_data. Pusher's words as far as they are known.
func MissingUserData() *Error {
	return &Error{0, "Missing parameter: data.user_data", "missing_user_data"}
}

// BadUser answers correctly signed user_data that names no usable user; detail says why and may be empty.
func BadUser(detail string) *Error {
	e := &Error{0, "Invalid user_data", "bad_user"}
	if detail != "" {
		e.Message += ": " + cut(detail)
	}
	return e
}

// SignedInAsOther answers a sign-in as another user than the one the connection belongs to.
func SignedInAsOther() *Error {
	return &Error{0, "Connection is already signed in as another user", "signed_in_as_other"}
}

// cut bounds a text the peer chose, so that a refusal is never much longer than what it refuses is worth.
func cut(s string) string { return cutAt(s, 200) }

func cutAt(s string, max int) string {
	if len(s) <= max {
		return s
	}
	// Step back over a rune that would be halved: a halved one would make the outgoing frame invalid UTF-8.
	end := max
	for end > max-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
