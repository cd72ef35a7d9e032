// Package outbox decides what webhooks say, to whom, when and in which order.
//
// It sends nothing, writes nothing and reads no clock: whoever owns an [Outbox] tells it what has happened, at what
// time, and asks what to do. Notify takes transitions of channels in; Start gives batches out that are to be sent now;
// Finish says how that went; Next says when to call Tick; Changes says what has to be on disk before more may be sent.
//
// The life of an event:
//
//	Notify ─► waits: has the channel only blinked? ─► queue of each webhook that wants it ─► open batch
//	      full, or its delay is over ─► closed ─► stored ─► no earlier batch has one of its channels ─► Start
//	      Finish: done │ again later │ dead
//
// Promises, whatever comes in whichever order:
//
//   - Of a channel, occupied and vacated take turns; of a member, added and removed, and between those of its channel.
//   - Events of one channel leave one after the other: the batch of the next is not started before that of the one before
//     is done or dead.
//   - What a queue holds is bounded, and so is what all hold together. What does not fit any more is dead, never silently gone.
//
// Guarded by its owner.
package outbox
