package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// Sizes of HMAC-SHA256 (RFC 2104): the block the key is padded to, and a signature in hex.
const (
	blockBytes = sha256.BlockSize
	hexBytes   = 2 * sha256.Size
)

// startMAC appends the inner padded key. The text to sign is then appended behind it, so that the inner hash runs over
// one slice. That spares the hash objects of crypto/hmac, which are garbage on a path walked once a subscription.
func startMAC(dst []byte, secret string) []byte { return appendPadded(dst, secret, 0x36) }

// finishMAC returns the signature of what was appended since startMAC, which wrote to b[0].
func finishMAC(b []byte, secret string) (sig [hexBytes]byte) {
	inner := sha256.Sum256(b)
	var outer [blockBytes + sha256.Size]byte
	appendPadded(outer[:0], secret, 0x5c)
	copy(outer[blockBytes:], inner[:])
	sum := sha256.Sum256(outer[:])
	hex.Encode(sig[:], sum[:])
	clear(outer[:])
	return sig
}

// appendPadded appends the key of RFC 2104: secret, or its hash when it is longer than a block, padded with zeros, each
// byte xored with pad.
func appendPadded(dst []byte, secret string, pad byte) []byte {
	var key [blockBytes]byte
	if len(secret) > blockBytes {
		sum := sha256.Sum256([]byte(secret))
		copy(key[:], sum[:])
	} else {
		copy(key[:], secret)
	}
	for i := range key {
		key[i] ^= pad
	}
	return append(dst, key[:]...)
}

// sameSignature compares in constant time what a peer sent with what it should have sent. Upper-case hex is refused:
// the official libraries never send it.
func sameSignature(got string, want *[hexBytes]byte) bool {
	var b [hexBytes]byte
	if copy(b[:], got) != len(got) {
		return false
	}
	return subtle.ConstantTimeCompare(b[:], want[:]) == 1 && len(got) == hexBytes
}
