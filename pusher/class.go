package pusher

// Class returns what a reason for a refusal, of this package, pusher/auth or pusher/rest, comes down to, for whoever has to see at a
// glance whose turn it is. It is the value of the metric label "class":
//
//	auth      who asks may not: a signature, a key, an origin, a disabled app
//	quota     the app, or one of its connections or channels, has as much as it may have
//	rate      it came too often
//	size      it is too large or too long, or too many in one
//	request   it cannot be understood, or not be done there
//	slow      the client does not keep up
//	capacity  the server, or what is behind it, has too much to do
//	server    the fault of the server or of what is behind it
//	ended     the connection was ended on purpose
//	other     a reason that has no class here, which a test prevents
func Class(reason string) string {
	switch reason {
	case "app_disabled", "app_not_found", "auth_required", "bad_auth_format", "bad_auth_key", "bad_body_md5", "bad_signature", "bad_signin_format",
		"bad_timestamp", "client_events_disabled", "host_not_allowed", "missing_body_md5", "missing_key", "missing_timestamp", "missing_version",
		"not_a_proxy", "not_signed_in", "origin_not_allowed", "proxy_header_missing", "signed_in_as_other", "timestamp_expired", "tls_required",
		"unauthorized_timeout", "unknown_key":
		return "auth"
	case "crowded", "over_quota", "presence_full", "too_many_subscriptions":
		return "quota"
	case "app_client_event_rate", "app_subscribe_rate", "client_event_rate", "key_request_rate", "request_rate", "subscribe_rate":
		return "rate"
	case "backbone_too_large", "batch_too_long", "body_too_large", "client_event_too_large", "data_too_large", "event_name_too_long",
		"head_too_large", "idempotency_key_too_long", "member_too_large", "too_many_channels", "too_many_parameters", "user_id_too_long",
		"watchlist_too_long":
		return "size"
	case "bad_channel", "bad_info", "bad_limit", "bad_member", "bad_order", "bad_query", "bad_serial", "bad_socket_id", "bad_user", "bad_user_id",
		"bad_version", "binary", "cache_channel", "client_event_not_subscribed", "client_event_refused", "content_encoding", "duplicate_parameter",
		"existing_subscription", "idempotency_key_reused", "malformed_body", "malformed_message", "malformed_proxy_header", "malformed_request",
		"method", "missing_user_data", "no_history", "no_name", "no_protocol", "no_subscription", "not_found", "path_not_found", "reserved_event",
		"subscription_count_off", "unsupported_event", "unsupported_protocol", "user_count_filter", "user_count_presence", "users_presence",
		"websocket":
		return "request"
	case "pong_timeout", "replay_overtaken", "slow_consumer", "timeout":
		return "slow"
	case "busy", "idempotency_key_busy", "over_capacity":
		return "capacity"
	case "backbone_away", "backbone_lost", "backbone_unknown", "history", "internal", "panic", "publish", "registry", "terminate":
		return "server"
	case "draining", "reconnect", "terminated":
		return "ended"
	}
	return "other"
}
