package auth

// WebhookSignature returns the signature, in lower-case hex, of the body of a webhook: the libraries take no other. It
// is over the exact bytes that are sent.
func WebhookSignature(secret string, body []byte) string {
	room := startMAC(make([]byte, 0, blockBytes+len(body)), secret)
	sig := finishMAC(append(room, body...), secret)
	return string(sig[:])
}
