// A bare publish/subscribe server on uWebSockets, as a rival for bench: no signatures, limits or
// accounting. It speaks just enough of the Pusher protocol for the load generator. The work is
// done by uWebSockets' own topics, in C++; JavaScript sees each message once, however many
// subscribers it has.
//
//	node uws.js PORT
'use strict';
const uws = require('uWebSockets.js');

const port = Number(process.argv[2]);
let last = 0;

uws.App().ws('/*', {
  compression: uws.DISABLED,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  maxPayloadLength: 1 << 20,
  maxBackpressure: 64 << 20,
  open(ws) {
    const data = JSON.stringify({ socket_id: `${++last}.1`, activity_timeout: 120 });
    ws.send(JSON.stringify({ event: 'pusher:connection_established', data }));
  },
  message(ws, payload) {
    const { event, channel, data } = JSON.parse(Buffer.from(payload).toString());
    if (event === 'pusher:subscribe') {
      ws.subscribe(data.channel);
      ws.send(JSON.stringify({ event: 'pusher_internal:subscription_succeeded', channel: data.channel, data: '{}' }));
    } else if (event === 'pusher:ping') {
      ws.send('{"event":"pusher:pong","data":"{}"}');
    } else if (event.startsWith('client-')) {
      ws.publish(channel, JSON.stringify({ event, channel, data }));
    }
  },
}).listen('127.0.0.1', port, (socket) => {
  if (!socket) {
    console.error(`cannot listen on port ${port}`);
    process.exit(1);
  }
});
