// A server that is told to stop sends its clients away with 4200, and they find the next
// one on the same port by themselves.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { backend, connect, fresh, sdks, server } from './clients.mjs';
import { Process, configuration, port } from './process.mjs';

/** A balancer in front of servers: new connections go where `port` says. */
async function balancer(t) {
  const relay = { port: 0 };
  const listener = createServer((client) => {
    const upstream = connectSocket(relay.port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => { client.destroy(); upstream.destroy(); });
    }
    client.pipe(upstream).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => listener.close());
  relay.at = { host: '127.0.0.1', port: listener.address().port };
  return relay;
}

/** A client with a channel of each common kind, and how to prove that they work. */
async function subscriber(t, sdk, at) {
  const rest = backend(server.apps.full, at);
  const client = await connect(t, sdk, { at, member: { user_id: 'alice', user_info: { name: 'Alice' } } });
  const names = [fresh('open'), fresh('private-closed'), fresh('presence-room')];
  const logs = [];
  for (const name of names) logs.push(await client.subscribe(name));
  const works = async (event) => {
    await rest.trigger(names, event, { n: 1 });
    for (const log of logs) await log.expect([event, { n: 1 }]);
  };
  const returns = async (before) => {
    await client.states.until((state) => state === 'connecting', 'connecting');
    await client.connected();
    assert.notEqual(client.socketId, before);
    for (const log of logs) await log.expect(['pusher:subscription_succeeded']);
    assert.equal(logs[2].channel.members.count, 1);
  };
  return { client, works, returns };
}

describe('restart', { concurrency: 2 * sdks.length }, () => {
  for (const sdk of sdks) {
    test(`${sdk.name} moves to another server at once after 4200, with all its channels`, async (t) => {
      const relay = await balancer(t);
      const config = await configuration(t, 0);
      const first = await Process.start(t, config);
      relay.port = first.port;
      const { client, works, returns } = await subscriber(t, sdk, relay.at);
      await works('before');
      const second = await Process.start(t, config);
      relay.port = second.port;
      const before = client.socketId;
      const ended = first.stop();
      assert.equal((await client.errors.next('the farewell')).code, 4200);
      await returns(before);
      // What the SDK decided, in its own words: how long it takes is the machine's business. Codes from 4100
      // to 4199, and a connection that just breaks, cost a pause of a second.
      const pauses = client.pusher.timeline.events.filter(({ action }) => action === 'retry').map(({ delay }) => delay);
      assert.equal(pauses[0], 0, `the pauses were ${pauses}`);
      await works('after');
      await ended;
      client.pusher.disconnect();
      await second.stop();
    });

    test(`${sdk.name} finds the next server on the same port`, async (t) => {
      const config = await configuration(t, port());
      const first = await Process.start(t, config);
      const at = { host: '127.0.0.1', port: first.port };
      const { client, works, returns } = await subscriber(t, sdk, at);
      await works('before');
      const before = client.socketId;
      await first.stop();
      assert.equal((await client.errors.next('the farewell')).code, 4200);
      const second = await Process.start(t, config);
      await returns(before);
      await works('after');
      client.pusher.disconnect();
      await second.stop();
    });
  }
});
