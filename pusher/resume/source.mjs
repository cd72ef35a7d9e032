// Makes a stock pusher-js go on where it was after a reconnect, on channels that have a history. The frames are
// described in docs/design/0004-history-and-resume.md; resume.js and resume.mjs are made of this file by build.mjs.
//
// It stands between pusher-js and its sockets: createWebSocket of the Runtime is called for each connect, by all versions.
// Positions are kept per Channel object of pusher-js, which lives exactly as long as its subscription is wanted: it survives
// reconnects and disconnect(), and not unsubscribe(), on-line or off.

const success = 'pusher_internal:subscription_succeeded';
const marker = 'pusher_internal:gannet_position';
const positions = new WeakMap(); // Channel to { epoch, offset, socket }

/** Installs itself in a Pusher class, once, and returns the class. */
export default function resume(PusherClass, options) {
  const Pusher = PusherClass.default || PusherClass;
  const runtime = Pusher.Runtime;
  if (!runtime) throw new TypeError('resume: this is not the Pusher class of pusher-js');
  const create = runtime.createWebSocket;
  if (create.gannet) return Pusher; // by whichever copy of this script
  if (Pusher.instances.length) console.warn('resume: installed after new Pusher(): what its first connection misses is lost');
  const { rewind } = options || {};
  const decorated = runtime.createWebSocket = function (url) {
    return decorate(create.call(this, `${url}${/\?/.test(url) ? '&' : '?'}resume=1`), Pusher, rewind);
  };
  decorated.gannet = 1;
  return Pusher;
}

const serial = ({ epoch, offset }) => `${epoch}-${offset}`;

function decorate(socket, Pusher, rewind) {
  const { send } = socket;
  const asked = {}; // by channel, the position that its subscribe named
  let id; // the socket id, known with the first frame
  let wrapped;

  // The instance this socket belongs to, as long as it does.
  const owner = () => id && Pusher.instances.find(({ connection }) => connection.socket_id === id && connection.state === 'connected');

  // pusher-js sends a subscribe when it has the authorization: only now is it known where the channel stands.
  socket.send = function (text) {
    if (/"pusher:subscribe"/.test(text)) {
      const frame = JSON.parse(text);
      const { data } = frame;
      const pusher = owner();
      const channel = frame.event === 'pusher:subscribe' && pusher && pusher.channel(data.channel);
      if (channel) {
        const position = positions.get(channel);
        if (position) {
          asked[data.channel] = data.resume = serial(position);
          data.socket = position.socket;
        } else {
          delete asked[data.channel];
          const past = typeof rewind === 'function' ? rewind(data.channel) : rewind;
          if (past) data.rewind = past;
        }
        text = JSON.stringify(frame);
      }
    }
    return send.call(socket, text);
  };

  // Returns nothing for a frame to drop, and otherwise what to tell before and after it.
  const judge = (text) => {
    const before = [];
    const after = [];
    const verdict = [before, after];
    if (id && !/"serial":"|subscription_succeeded"|gannet_position"/.test(text)) return verdict;
    let frame;
    try { frame = JSON.parse(text); } catch (_) { return verdict; } // pusher-js will say so
    const { event, channel: name, skipped } = frame;
    if (event === 'pusher:connection_established') {
      id = JSON.parse(frame.data).socket_id;
      return verdict;
    }
    const pusher = owner();
    const channel = pusher && name && pusher.channel(name);
    if (!channel) return verdict;

    const tell = (list, what, more) => list.push(() => {
      const notice = Object.assign({ channel: name }, more);
      // Under this prefix Echo's listenToAll takes it for no event of the application.
      channel.emit(`pusher:resume_${what}`, notice);
      pusher.global_emitter.emit(`resume:${what}`, notice);
    });
    const parts = /^(.+)-(\d+)$/.exec(frame.serial);
    const next = parts && { epoch: parts[1], offset: +parts[2], socket: id };
    const last = positions.get(channel);

    if (event === success) {
      if (next) positions.set(channel, next);
      else positions.delete(channel);
      const from = asked[name];
      delete asked[name];
      if (from && frame.recovered === true) tell(after, 'recovered', { from });
      else if (from) tell(after, 'gap', { from, to: frame.serial, reason: frame.reason || 'unknown' });
    } else if (channel.subscribed) { // otherwise it is of an earlier subscription
      if (next) {
        const same = last && last.epoch === next.epoch;
        const missed = same && next.offset - last.offset - 1;
        if (same && missed < 0) return;
        positions.set(channel, next);
        if (last && !same) tell(before, 'gap', { from: serial(last), to: frame.serial, reason: 'epoch' });
        // A marker stands for what it leaps over.
        else if (missed > 0 && event !== marker) tell(before, 'gap', { from: serial(last), to: frame.serial, reason: 'jump', missed });
      }
      if (event === marker && skipped) tell(after, 'lag', { missed: skipped });
    }
    return verdict;
  };

  // A property like any other to pusher-js, also in node, whose sockets read it to dispatch; native ones have a setter.
  let proto = socket;
  let native;
  while ((proto = Object.getPrototypeOf(proto)) && !native) native = Object.getOwnPropertyDescriptor(proto, 'onmessage');
  Object.defineProperty(socket, 'onmessage', {
    configurable: true,
    get: () => wrapped,
    set(handler) {
      wrapped = handler && ((message) => {
        const verdict = judge(message.data);
        if (!verdict) return;
        const [before, after] = verdict;
        // What listeners throw may not cost the event.
        try { before.forEach((tell) => tell()); } finally {
          try { handler.call(socket, message); } finally { after.forEach((tell) => tell()); }
        }
      });
      if (native && native.set) native.set.call(socket, wrapped);
    },
  });
  return socket;
}
