// permessage-deflate with the WebSocket library of Node, which offers it by itself, beside SDKs that do not.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Log, backend, connect, fresh, patience, sdks, server } from './clients.mjs';
import { Process, configuration } from './process.mjs';

const { WebSocket } = createRequire(import.meta.url)('ws');

/** What prices in JSON are like: long, and much the same again and again. */
const ticks = Array.from({ length: 60 }, (_, i) => ({ symbol: `S${i}USD`, price: 1000 + i / 7, side: i % 3 ? 'buy' : 'sell' }));
const long = JSON.stringify(ticks);

/** A client of the protocol by hand, that keeps count of bytes. */
class Raw {
  static async connect(t, at, perMessageDeflate) {
    const it = new Raw();
    const { key } = server.apps.full;
    it.socket = new WebSocket(`${server.tls ? 'wss' : 'ws'}://${at.host}:${at.port}/app/${key}?protocol=7&client=ws&version=8`, { perMessageDeflate });
    t.after(() => it.socket.terminate());
    it.messages = new Log(`messages of ws, ${JSON.stringify(perMessageDeflate)}`);
    it.socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.event !== 'pusher_internal:subscription_count') it.messages.push(message);
    });
    it.closed = new Promise((resolve) => it.socket.on('close', (code, reason) => resolve([code, String(reason)])));
    it.socket.on('error', (error) => it.messages.push(error));
    it.socketId = JSON.parse((await it.messages.next('the greeting')).data).socket_id;
    return it;
  }

  get received() { return this.socket._socket.bytesRead; }
  get sent() { return this.socket._socket.bytesWritten; }

  send(message) { this.socket.send(JSON.stringify(message)); }

  async subscribe(channel) {
    const { auth } = backend().authorizeChannel(this.socketId, channel);
    this.send({ event: 'pusher:subscribe', data: { channel, auth } });
    assert.equal((await this.messages.next()).event, 'pusher_internal:subscription_succeeded');
  }
}

test('compression', async (t) => {
  const process = await Process.start(t, await configuration(t, 0, 'websocket: { compression: on }\n'));
  const at = { host: server.host, port: process.port };

  await t.test('ws agrees, and both directions are compressed', async (t) => {
    const [one, two] = [await Raw.connect(t, at, true), await Raw.connect(t, at, { threshold: 0 })];
    assert.equal(one.socket.extensions, 'permessage-deflate');
    const channel = fresh('private-ticks');
    await one.subscribe(channel);
    await two.subscribe(channel);
    for (let i = 0; i < 3; i++) { // each message stands for itself
      const [before, beforeTwo] = [one.sent, two.received];
      one.send({ event: 'client-ticks', channel, data: long });
      assert.equal((await two.messages.next('the ticks')).data, long);
      assert.ok(one.sent - before < long.length / 2, `sent ${one.sent - before} bytes for ${long.length}`);
      assert.ok(two.received - beforeTwo < long.length / 2, `received ${two.received - beforeTwo} bytes for ${long.length}`);
    }
    assert.equal(await process.metric('gannet_engine_deflate_websockets'), 2);
  });

  await t.test('one channel has compressed, plain and small-window subscribers', async (t) => {
    const channel = fresh('ticks');
    const clients = await Promise.all([true, false, { serverMaxWindowBits: 9 }, { clientMaxWindowBits: 10, serverMaxWindowBits: 15 }].map((offer) => Raw.connect(t, at, offer)));
    for (const client of clients) await client.subscribe(channel);
    const sdk = await (await connect(t, sdks[0], { at })).subscribe(channel);
    const [deflates, before] = [await process.metric('gannet_engine_deflates_total'), clients.map((client) => client.received)];
    await backend(server.apps.full, at).trigger(channel, 'ticks', ticks);
    await sdk.expect(['ticks', ticks]);
    for (const client of clients) assert.equal((await client.messages.next('the ticks')).data, long);
    const took = clients.map((client, i) => client.received - before[i]);
    assert.ok(took[0] < long.length / 2 && took[3] < long.length / 2, `bytes received: ${took}`);
    assert.ok(took[1] > long.length && took[2] > long.length, `bytes received: ${took}`);
    assert.equal(await process.metric('gannet_engine_deflates_total'), deflates + 1);
  });

  await t.test('a bomb is refused', async (t) => {
    const client = await Raw.connect(t, at, true);
    client.socket.send(Buffer.alloc(1 << 20), { binary: true, compress: true });
    const late = new Promise((resolve) => { setTimeout(resolve, patience, 'too late').unref(); });
    assert.deepEqual(await Promise.race([client.closed, late]), [1009, 'inflated_too_big']);
  });

  await t.test('a server without it says so', async (t) => {
    const client = await Raw.connect(t, server, true);
    assert.equal(client.socket.extensions, '');
  });
});
