// Package journal keeps what webhooks still have to say, and what they could not get rid of.
//
// A [Journal] stores the changes of an outbox. [Memory] keeps dead letters alone, and only while the process lives; [Bolt] keeps everything in
// one file, so that it is there after a crash. Both bound what dead letters take: the oldest go first.
//
// The file is a bbolt database, whose pages are written and synced before the one that makes them count, so that it is
// whole whenever the process or the machine stops. Its buckets:
//
//	meta    version → 1, instance → random hex, made with the file
//	queue   Seq (8 bytes, big-endian) → batch; the bucket's sequence is the highest Seq ever stored
//	dead    Seq → dead letter
//	ledger  app 0 channel 0, for a member followed by 'm' and its id → nothing: who was told to be there
package journal
