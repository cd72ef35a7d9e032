// Package acmecerts has certificates issued by an ACME authority (RFC 8555), such as Let's
// Encrypt, keeps them in a directory, and renews them while the server runs.
//
// It proves that a name is ours by what the server's own listeners answer: [Manager.Answer] for
// HTTP-01, [Manager.Certificate] in a TLS handshake for TLS-ALPN-01. It opens no port itself.
//
// A Manager is made by New, which touches neither disk nor network, works from Start, once
// the listeners accept, and ends with Stop.
package acmecerts
