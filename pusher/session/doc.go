// Package session is one client's side of Pusher protocol version 7, as a machine with no I/O and no clock.
//
// A [Session] is told what the client says, and answers with [Action] values: frames to send, and requests that need
// somebody who knows more than one connection (the node). It decides everything that one client's own state decides:
// whether a subscription is authorized, who the presence member is, whether a client event may pass, whether a sign-in
// is good, when an unauthorized connection has waited too long. It does not know who else is on a channel.
//
// # Life
//
//	s := session.New(app, socketID, now)
//	out = s.Open(120, out)          // Authorized (unless the app makes connections authorize themselves), connection_established
//	out = s.Handle(msg, now, out)   // for each text message
//	out = s.Expire(now, out)        // when Deadline has passed
//	out = s.Fail(err, out)          // when the server ends it
//	s.End()                         // when the connection is gone
//
// # Carrying out actions
//
// Actions are carried out in order, before the next call of Handle; what is borrowed in them is gone after that.
//
//   - Send: put Payload on the wire as one text message.
//   - Close: close the connection with Err.Code; the pusher:error was the Send before it. Nothing follows.
//   - Authorized: count the connection against the app's quota. It comes once, before what made the connection
//     authorized. If there is no room, drop the rest of the actions and carry out those of OverQuota.
//   - Subscribe: let the connection into Channel, then call Joined, or do not and call Refused. See below.
//   - Unsubscribe: take it out of Channel; on a presence channel it was in as UserID.
//   - Acknowledge: send subscription_succeeded again, changing nothing (Compat.ReacknowledgeSubscribe).
//   - ClientEvent: publish Event with Data to everybody on Channel but this connection.
//   - SignIn: enter the connection as User, then call SignedIn, or do not and call SignInRefused.
//
// # Subscribe may take its time
//
// Each Subscribe action is answered by exactly one call of Joined or Refused, at once or after other messages were
// handled. Until then the subscription is pending: a second subscribe is an existing subscription, and client events do
// not pass. The client may unsubscribe meanwhile. Then no Unsubscribe action comes out, as there is nothing to take out
// yet; instead the late Joined answers false, and the caller takes the connection out of the channel again and sends
// nothing. A late Refused adds nothing. After End or Fail, Joined answers false likewise. So whatever was entered for a
// Subscribe is undone by exactly one of: an Unsubscribe action, a false Joined, or the walk over Channels when the
// connection is gone.
package session
