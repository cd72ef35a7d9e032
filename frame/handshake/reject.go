package handshake

import "strconv"

// AppendReject appends a whole HTTP response that refuses a request, and says the
// connection closes, to dst and returns the extended slice. The body is e.Message
// and a line feed, as plain text.
//
// A 426 names WebSocket version 13 (RFC 6455 §4.4), a 405 the method GET. There
// is no Date, as there is no clock here. e is borrowed, and its Message is sent as
// it is; dst is taken. Any goroutine.
func AppendReject(dst []byte, e *Error) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, statusText(e.Status)...)
	dst = append(dst, "\r\nConnection: close"...)
	switch e.Status {
	case 405:
		dst = append(dst, "\r\nAllow: GET"...)
	case 426:
		// RFC 9110 §15.5.22: a 426 must have Upgrade, and §7.8 Connection with it.
		dst = append(dst, ", Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"...)
	}
	dst = append(dst, "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(e.Message)+1), 10)
	dst = append(dst, "\r\n\r\n"...)
	dst = append(dst, e.Message...)
	return append(dst, '\n')
}

// statusText has the reason phrases of the statuses a door may answer with; a
// client ignores them (RFC 9112 §4).
func statusText(status int) string {
	switch status {
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 408:
		return "Request Timeout"
	case 413:
		return "Content Too Large"
	case 414:
		return "URI Too Long"
	case 421:
		return "Misdirected Request"
	case 426:
		return "Upgrade Required"
	case 429:
		return "Too Many Requests"
	case 431:
		return "Request Header Fields Too Large"
	case 500:
		return "Internal Server Error"
	case 502:
		return "Bad Gateway"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Gateway Timeout"
	case 505:
		return "HTTP Version Not Supported"
	}
	return "Error"
}
