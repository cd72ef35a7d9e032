package swarm

import (
	"bytes"
	"errors"
	"strconv"
)

var errResponse = errors.New("an HTTP answer that makes no sense")

// maxHeadBytes bounds the head of an HTTP answer.
const maxHeadBytes = 16 << 10

// A response is an HTTP answer. The body is borrowed from the input.
type response struct {
	status int
	body   []byte // as it came; of a chunked body the chunks with their sizes
	close  bool   // the server closes the conn after it
}

// nextResponse parses the first HTTP/1.1 answer in b. n is its length, 0 when b does not hold all
// of it yet. Lengths are by Content-Length or chunks; an answer that ends with the conn does not
// end here.
func nextResponse(b []byte) (r response, n int, err error) {
	head := bytes.Index(b, []byte("\r\n\r\n"))
	if head < 0 {
		if len(b) > maxHeadBytes {
			return r, 0, errResponse
		}
		return r, 0, nil
	}
	head += 4
	if r.status, err = status(b[:head]); err != nil {
		return r, 0, err
	}
	r.close = bytes.EqualFold(field(b[:head], "connection"), []byte("close"))
	if bytes.EqualFold(field(b[:head], "transfer-encoding"), []byte("chunked")) {
		length, err := chunkedLength(b[head:])
		if err != nil || length == 0 {
			return r, 0, err
		}
		r.body = b[head : head+length]
		return r, head + length, nil
	}
	length := 0
	if text := field(b[:head], "content-length"); text != nil {
		if length, err = strconv.Atoi(string(text)); err != nil || length < 0 {
			return r, 0, errResponse
		}
	}
	if len(b) < head+length {
		return r, 0, nil
	}
	r.body = b[head : head+length]
	return r, head + length, nil
}

// status returns the code of a status line.
func status(head []byte) (int, error) {
	if len(head) < 12 || string(head[:7]) != "HTTP/1." || head[8] != ' ' {
		return 0, errResponse
	}
	code, err := strconv.Atoi(string(head[9:12]))
	if err != nil {
		return 0, errResponse
	}
	return code, nil
}

// field returns the value of a header field, nil when there is none. name is in lower case.
func field(head []byte, name string) []byte {
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte("\r\n"))
		head = rest
		colon := bytes.IndexByte(line, ':')
		if colon == len(name) && bytes.EqualFold(line[:colon], []byte(name)) {
			return bytes.TrimSpace(line[colon+1:])
		}
	}
	return nil
}

// chunkedLength returns the length of a chunked body at the start of b, trailers and all, 0 when
// it is not complete.
func chunkedLength(b []byte) (int, error) {
	for at := 0; ; {
		end := bytes.Index(b[at:], []byte("\r\n"))
		if end < 0 {
			return 0, nil
		}
		size, _, _ := bytes.Cut(b[at:at+end], []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if err != nil {
			return 0, errResponse
		}
		at += end + 2
		if n == 0 {
			return trailersEnd(b, at), nil
		}
		at += int(n) + 2
		if at > len(b) {
			return 0, nil
		}
	}
}

// trailersEnd returns where the empty line after the last chunk ends, 0 when it is not there yet.
func trailersEnd(b []byte, at int) int {
	if bytes.HasPrefix(b[at:], []byte("\r\n")) {
		return at + 2
	}
	if end := bytes.Index(b[at:], []byte("\r\n\r\n")); end >= 0 {
		return at + end + 4
	}
	return 0
}
