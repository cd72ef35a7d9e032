package app

// Compat switches on what other servers do differently from Pusher, for users who depend on it. The zero value is
// Pusher's behaviour.
type Compat struct {
	SubscriptionErrorFrame     bool // pusher:subscription_error in addition to pusher:error (soketi)
	PassClientEventData        bool // data of client events goes out as it came instead of as a string (soketi, sockudo)
	Quota4100                  bool // over the connection quota is 4100, "come back later", instead of 4004 (soketi)
	ReacknowledgeSubscribe     bool // a second subscribe to a channel is acknowledged again instead of refused (soketi, Reverb)
	JSONErrors                 bool // REST errors as {"error":…,"code":…} instead of plain text (soketi, sockudo)
	ClientEventsOnPublic       bool // client events on public channels too (Reverb, mode "all")
	TerminateByPresence        bool // terminating a user also ends connections that only are presence members (Reverb)
	EncryptedSubscriptionCount bool // push subscription counts on private-encrypted- channels, where the Java SDK reports a decryption failure
	TerminateCode              int  // close code for terminated users; 0: 4009
}
