// A client whose network is too slow for its channels is told 4100, and pusher-js comes back by itself when the network does,
// with all its channels; subscribers with a healthy network lose nothing meanwhile.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { backend, connect, fresh, sdks } from './clients.mjs';
import { Process, configuration } from './process.mjs';

/** A network between clients and a port, which lets next to nothing through to the clients while `slow`. */
async function network(t, port) {
  const link = { slow: false, wake: () => {} };
  const listener = createServer((client) => {
    const upstream = connectSocket({ port, host: '127.0.0.1', highWaterMark: 1024 });
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => { client.destroy(); upstream.destroy(); });
    }
    client.pipe(upstream);
    upstream.on('data', (bytes) => {
      client.write(bytes);
      if (!link.slow) return;
      upstream.pause();
      setTimeout(() => upstream.resume(), 20).unref(); // 50 times a second at most
    });
    upstream.on('end', () => client.end());
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => listener.close());
  link.at = { host: '127.0.0.1', port: listener.address().port };
  return link;
}

const settings = 'drain_window: 500ms\nlimits: { backlog_bytes: 128KiB }\n';

describe('slow', { concurrency: 1 }, () => {
  for (const sdk of sdks) {
    test(`${sdk.name} comes back by itself when it was too slow`, async (t) => {
      const gannet = await Process.start(t, await configuration(t, 0, settings));
      const link = await network(t, gannet.port);
      const near = { host: '127.0.0.1', port: gannet.port };
      const rest = backend(undefined, near);
      const slow = await connect(t, sdk, { at: link.at });
      const quick = await connect(t, sdk, { at: near });
      const names = [fresh('ticks'), fresh('private-other')];
      const logs = [];
      for (const name of names) logs.push(await slow.subscribe(name));
      const healthy = await quick.subscribe(names[0]);
      await rest.trigger(names, 'before', {});
      for (const log of logs) await log.expect(['before', {}]);

      link.slow = true;
      const padding = 'x'.repeat(9000);
      let sent = 0;
      while (await gannet.metric('gannet_engine_slow_total{reason="bytes"}') === 0) {
        assert.ok(sent < 5000, 'the server does not mind a client that does not read');
        const batch = Array.from({ length: 10 }, () => ({ channel: names[0], name: 'tick', data: { n: sent++, padding } }));
        await rest.triggerBatch(batch);
      }
      const before = slow.socketId;
      link.slow = false;
      assert.equal((await slow.errors.next('why it is cut off')).code, 4100);
      await slow.states.until((state) => state === 'connecting', 'connecting');
      await slow.connected();
      assert.notEqual(slow.socketId, before);

      // What did come is a beginning without holes; then the channels are there again.
      let next = 0;
      for (;;) {
        const [event, data] = await logs[0].next('ticks, then the new subscription');
        if (event === 'pusher:subscription_succeeded') break;
        assert.deepEqual([event, data.n], ['tick', next++]);
      }
      assert.ok(next < sent, `all ${sent} ticks came, though the client was cut off`);
      await logs[1].expect(['pusher:subscription_succeeded']);
      await rest.trigger(names, 'after', {});
      for (const log of logs) await log.expect(['after', {}]);

      // The other has heard everything, once and in order.
      await healthy.expect(['before', {}]);
      for (let n = 0; n < sent; n++) {
        const [event, data] = await healthy.next(`tick ${n}`);
        assert.deepEqual([event, data.n], ['tick', n]);
      }
      await healthy.expect(['after', {}]);
      assert.equal(await gannet.metric('gannet_gateway_refusals_total{reason="slow_consumer"}'), 1);
      slow.pusher.disconnect();
      quick.pusher.disconnect();
      await gannet.stop();
    });
  }
});
