package handshake

// An Error is a refusal in HTTP's terms.
//
// Those this package returns are shared and never change, so a refusal costs no
// allocation and Reason is one of a bounded set; nothing of the request is in them.
type Error struct {
	Status  int    // HTTP status code, 400 to 599
	Reason  string // snake_case, also a metric label
	Message string // one line for a person, sent as the body
}

// Error implements error. Any goroutine.
func (e *Error) Error() string { return "handshake: " + e.Message }

var (
	// What Parse refuses.
	errRequestLine     = &Error{400, "malformed_request_line", "malformed request line"}
	errRequestLineSize = &Error{414, "request_line_too_long", "request line too long"}
	errVersion         = &Error{505, "http_version", "HTTP version not supported"}
	errHeadSize        = &Error{431, "head_too_large", "request head too large"}
	errHeaderCount     = &Error{431, "too_many_headers", "too many request headers"}
	errBareLF          = &Error{400, "bare_line_feed", "line not ended by CRLF"}
	errFolded          = &Error{400, "folded_header", "folded header"}
	errHeaderName      = &Error{400, "malformed_header_name", "malformed header name"}
	errHeaderValue     = &Error{400, "malformed_header_value", "control character in a header"}
	errDuplicate       = &Error{400, "duplicate_header", "header may appear only once"}
	errBody            = &Error{400, "upgrade_with_body", "a WebSocket request must not have a body"}

	// What Check refuses.
	errNotUpgrade    = &Error{426, "not_an_upgrade", "WebSocket upgrade expected"}
	errMethod        = &Error{405, "method", "a WebSocket request must be a GET"}
	errUpgradeHTTP10 = &Error{505, "http_version", "a WebSocket request needs HTTP/1.1"}
	errTarget        = &Error{400, "malformed_target", "malformed request target"}
	errNoHost        = &Error{400, "missing_host", "missing Host header"}
	errKey           = &Error{400, "malformed_key", "missing or malformed Sec-WebSocket-Key header"}
	errWebSocketVer  = &Error{426, "websocket_version", "Sec-WebSocket-Version must be 13"}
)
