package auth

import "strings"

// SplitToken splits the auth of a subscription or sign-in at its first colon. ok is false when there is none.
func SplitToken(auth string) (key, sig string, ok bool) { return strings.Cut(auth, ":") }

// ChannelSignature returns the signature, in hex, of a subscription of socketID to channel. A non-nil channelData is
// part of it, even when empty.
func ChannelSignature(secret, socketID, channel string, channelData *string) string {
	var room [512]byte
	sig := channelMAC(room[:0], secret, socketID, channel, channelData)
	return string(sig[:])
}

// CheckChannel reports whether sig is the ChannelSignature, in lower-case hex.
func CheckChannel(secret, sig, socketID, channel string, channelData *string) bool {
	var room [512]byte
	want := channelMAC(room[:0], secret, socketID, channel, channelData)
	return sameSignature(sig, &want)
}

// UserSignature returns the signature, in hex, of the sign-in of socketID with userData.
func UserSignature(secret, socketID, userData string) string {
	var room [512]byte
	sig := userMAC(room[:0], secret, socketID, userData)
	return string(sig[:])
}

// CheckUser reports whether sig is the UserSignature, in lower-case hex.
func CheckUser(secret, sig, socketID, userData string) bool {
	var room [512]byte
	want := userMAC(room[:0], secret, socketID, userData)
	return sameSignature(sig, &want)
}

// ChannelText returns the text ChannelSignature signs, for the error that quotes it.
func ChannelText(socketID, channel string, channelData *string) string {
	return string(appendChannelText(nil, socketID, channel, channelData))
}

// UserText returns the text UserSignature signs, for the error that quotes it.
func UserText(socketID, userData string) string {
	return string(appendUserText(nil, socketID, userData))
}

func channelMAC(room []byte, secret, socketID, channel string, channelData *string) [hexBytes]byte {
	room = startMAC(room, secret)
	return finishMAC(appendChannelText(room, socketID, channel, channelData), secret)
}

func userMAC(room []byte, secret, socketID, userData string) [hexBytes]byte {
	room = startMAC(room, secret)
	return finishMAC(appendUserText(room, socketID, userData), secret)
}

func appendChannelText(dst []byte, socketID, channel string, channelData *string) []byte {
	dst = append(dst, socketID...)
	dst = append(dst, ':')
	dst = append(dst, channel...)
	if channelData != nil {
		dst = append(dst, ':')
		dst = append(dst, *channelData...)
	}
	return dst
}

// The colons around the word keep a sign-in from passing for a subscription to a channel: no channel has a colon.
func appendUserText(dst []byte, socketID, userData string) []byte {
	dst = append(dst, socketID...)
	dst = append(dst, "::user::"...)
	return append(dst, userData...)
}
