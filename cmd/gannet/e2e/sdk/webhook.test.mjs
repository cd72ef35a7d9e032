// What npm pusher makes of real webhooks: it refuses a body whose type has a charset, a signature in capitals, and
// whatever was changed on the way.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Log, PusherServer, connect, fresh, sdks } from './clients.mjs';
import { Process } from './process.mjs';

const app = { id: 'id-hooked', key: 'key-hooked', secret: 'secret-hooked' };
const rest = new PusherServer({ appId: app.id, key: app.key, secret: app.secret, host: '127.0.0.1' });

/** A backend that checks what it gets with the library; its log has the events of each request. */
async function receiver(t) {
  const log = new Log('webhook');
  const answers = [];
  const listener = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const rawBody = Buffer.concat(chunks).toString();
    const status = answers.shift() ?? 200;
    response.statusCode = status;
    response.end();
    if (status !== 200) return;
    const webhook = rest.webhook({ rawBody, headers: request.headers });
    log.push(webhook.isValid() ? { events: webhook.getEvents(), at: webhook.getTime(), delivery: request.headers['x-gannet-delivery'] } : { invalid: rawBody });
    const forged = rest.webhook({ rawBody: rawBody.replace('channel', 'chanel'), headers: request.headers });
    assert.equal(forged.isValid(), false);
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => listener.close());
  return { log, answers, url: `http://127.0.0.1:${listener.address().port}/` };
}

/** A server whose one webhook goes to url. */
async function start(t, url) {
  const folder = await mkdtemp(join(tmpdir(), 'gannet-hook-'));
  t.after(() => rm(folder, { recursive: true }));
  const config = join(folder, 'gannet.yaml');
  await writeFile(config, `listen: "127.0.0.1:0"
admin: { listen: "127.0.0.1:0" }
drain_window: 100ms
webhooks: { allow: [127.0.0.1], leave_delay: 500ms }
apps:
  - id: ${app.id}
    key: ${app.key}
    secret: ${app.secret}
    client_events: true
    webhooks: [{ url: "${url}", events: [channel_occupied, channel_vacated, member_added, member_removed, client_event, cache_miss] }]
`);
  return await Process.start(t, config);
}

describe('webhooks', { concurrency: 1 }, () => {
  test('npm pusher finds every webhook valid, and reads what happened', async (t) => {
    const { log, answers, url } = await receiver(t);
    answers.push(500); // tried again, the same
    const process = await start(t, url);
    const at = { host: '127.0.0.1', port: process.port };
    const client = await connect(t, sdks[0], { at, app, member: { user_id: 'ann', user_info: { name: 'Ann' } } });
    const events = [];
    const told = async (n) => {
      while (events.length < n) {
        const { invalid, events: more, at, delivery } = await log.next(`event ${events.length + 1} of ${n}`);
        assert.equal(invalid, undefined);
        assert.ok(Math.abs(Date.now() - at.getTime()) < 300_000);
        assert.match(delivery, /^[0-9a-f]{12}-[0-9]+$/);
        events.push(...more);
      }
      return events.splice(0);
    };
    const room = fresh('presence-room');
    const channel = await client.subscribe(room);
    assert.deepEqual(await told(2), [{ name: 'channel_occupied', channel: room }, { name: 'member_added', channel: room, user_id: 'ann' }]);
    channel.channel.trigger('client-typing', { text: 'Zoë ✓' });
    assert.deepEqual(await told(1), [{
      name: 'client_event', channel: room, event: 'client-typing', data: '{"text":"Zoë ✓"}', socket_id: client.socketId, user_id: 'ann',
    }]);
    const cache = fresh('cache-room');
    await client.subscribe(cache);
    assert.deepEqual(await told(2), [{ name: 'channel_occupied', channel: cache }, { name: 'cache_miss', channel: cache }]);
    client.pusher.disconnect();
    assert.deepEqual((await told(3)).toSorted((a, b) => (a.channel + a.name < b.channel + b.name ? -1 : 1)), [
      { name: 'channel_vacated', channel: cache }, { name: 'channel_vacated', channel: room }, { name: 'member_removed', channel: room, user_id: 'ann' },
    ]);
    await process.stop();
  });
});
