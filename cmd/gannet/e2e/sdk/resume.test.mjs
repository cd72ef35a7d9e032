// resume.js beside every version of pusher-js and Echo, with the network cut in the middle.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import Echo from 'laravel-echo';
import { Log, address, backend, connect, fresh, sdks, server } from './clients.mjs';
import { Relay } from './relay.mjs';

const resume = createRequire(import.meta.url)('../../../../pusher/resume/resume.js');
const app = server.apps.lasting;
const rest = backend(app);
const alice = { user_id: 'alice', user_info: { name: 'Alice' } };
const joined = ['pusher:subscription_succeeded'];

for (const { Pusher } of sdks) resume(Pusher, { rewind: (channel) => (channel.startsWith('rewound') ? 2 : 0) });

/** Events with a member of their own, so that all channels of a trigger get the same. */
const publish = async (channels, from, to = from) => {
  for (let n = from; n <= to; n++) await rest.trigger(channels, 'e', n);
};
const events = (from, to = from) => Array.from({ length: to - from + 1 }, (_, i) => ['e', from + i]);

/** A client behind a network of its own. */
async function away(t, sdk, options) {
  const relay = await Relay.start(t);
  const client = await connect(t, sdk, { app, at: relay.at, member: alice, ...options });
  client.notices = new Log('notices');
  for (const what of ['gap', 'recovered', 'lag']) client.pusher.bind(`resume:${what}`, (notice) => client.notices.push([what, notice]));
  return { relay, client };
}

/** What a channel logs when it is back, without the position. */
async function recovered(log) {
  await log.expect(joined);
  const [event, { channel, from }] = await log.next('pusher:resume_recovered');
  assert.deepEqual([event, channel], ['pusher:resume_recovered', log.channel.name]);
  assert.match(from, /^[^-]+-[0-9]+$/);
  return from;
}

for (const sdk of sdks) {
  describe(sdk.name, { concurrency: 8 }, () => {
    test('gets what it missed, in order and once, on channels of every kind', async (t) => {
      const { relay, client } = await away(t, sdk);
      const prefixes = ['open', 'private-desk', 'presence-room', 'cache-rate', ...(sdk.has.includes('encryption') ? ['private-encrypted-vault'] : [])];
      const logs = [];
      const names = prefixes.map(fresh);
      for (const name of names) {
        logs.push(await client.subscribe(name));
        if (name.startsWith('cache-')) await logs.at(-1).expect(['pusher:cache_miss', {}]);
      }
      const silent = await client.subscribe(fresh('silent')); // nothing before the outage
      // Encrypted events go to one channel at a time.
      const all = async (from, to) => { for (let n = from; n <= to; n++) for (const name of names) await publish(name, n); };
      await all(1, 3);
      for (const log of logs) await log.expect(...events(1, 3));
      relay.down();
      await client.states.until((state) => state === 'connecting' || state === 'unavailable', 'the loss of the connection');
      await all(4, 9);
      await publish(silent.channel.name, 1, 2);
      const meanwhile = all(10, 15); // they overlap with the replay
      relay.up();
      for (const log of logs) {
        await recovered(log);
        await log.expect(...events(4, 15));
      }
      assert.match(await recovered(silent), /-0$/);
      await silent.expect(...events(1, 2));
      await meanwhile;
      await all(16, 16);
      for (const log of logs) await log.expect(...events(16));
      for (let i = 0; i <= names.length; i++) assert.equal((await client.notices.next('resume:recovered'))[0], 'recovered');
      client.notices.push('nothing more');
      await client.notices.expect('nothing more');
      assert.equal(logs[2].channel.members.count, 1);
    });

    test('is told when the history was too short, and goes on', async (t) => {
      const { relay, client } = await away(t, sdk);
      const log = await client.subscribe(fresh('brief'));
      const { name } = log.channel;
      await publish(name, 1);
      await log.expect(...events(1));
      relay.down();
      await publish(name, 2, 6);
      relay.up();
      await log.expect(joined);
      const [event, gap] = await log.next('pusher:resume_gap');
      assert.deepEqual([event, gap.channel, gap.reason], ['pusher:resume_gap', name, 'expired']);
      assert.match(gap.from, /-1$/);
      assert.match(gap.to, /-6$/);
      await client.notices.expect(['gap', gap]);
      await publish(name, 7);
      await log.expect(...events(7));
    });

    test('goes on after a sleep that no end of connection told of', async (t) => {
      const { relay, client } = await away(t, sdk, { options: { activityTimeout: 1000, pongTimeout: 1000 } });
      const log = await client.subscribe(fresh('asleep'));
      await publish(log.channel.name, 1);
      await log.expect(...events(1));
      relay.sleep();
      await publish(log.channel.name, 2, 5);
      await client.states.until((state) => state !== 'connected', 'a doubt about the connection');
      relay.up();
      await recovered(log);
      await log.expect(...events(2, 5));
    });

    test('its own events, left out by socket_id, are neither replayed nor missed', async (t) => {
      const { relay, client } = await away(t, sdk);
      const log = await client.subscribe(fresh('own'));
      const { name } = log.channel;
      const mine = (n) => rest.trigger(name, 'mine', n, { socket_id: client.socketId });
      await mine(1);
      await publish(name, 2);
      await log.expect(...events(2));
      const before = client.socketId;
      relay.down();
      await rest.trigger(name, 'mine', 3, { socket_id: before });
      await publish(name, 4);
      relay.up();
      await recovered(log);
      await log.expect(...events(4));
      await publish(name, 5);
      await log.expect(...events(5));
    });

    test('begins with the past where it is told to', async (t) => {
      const name = fresh('rewound');
      await publish(name, 1, 4);
      const { relay, client } = await away(t, sdk);
      const log = await client.subscribe(name);
      await log.expect(...events(3, 4));
      relay.down();
      await publish(name, 5, 7);
      relay.up();
      await recovered(log);
      await log.expect(...events(5, 7));
    });
  });
}

describe('resume.js', { concurrency: 8 }, () => {
  const [sdk] = sdks;

  test('goes on where a replay was cut', async (t) => {
    const { relay, client } = await away(t, sdk);
    const log = await client.subscribe(fresh('cut'));
    const { name } = log.channel;
    const text = (n) => `${n} ${'x'.repeat(1000)}`;
    relay.down();
    for (let n = 1; n <= 40; n++) await rest.trigger(name, 'e', text(n));
    relay.up(20_000);
    assert.match(await recovered(log), /-0$/);
    // How many came before the cut is the network's business.
    let next = 1;
    let from;
    for (let again = false; next <= 40;) {
      const [event, data] = await log.next(`event ${next}`);
      if (event === 'e') assert.equal(data, text(next++));
      else if (event === 'pusher:resume_recovered') { assert.ok(!again); again = true; from = data.from; assert.match(from, new RegExp(`-${next - 1}$`)); }
      else assert.deepEqual([event], joined);
    }
    assert.ok(from, 'the replay was not cut');
  });

  test('two clients of one channel have positions of their own', async (t) => {
    const name = fresh('two');
    const [one, other] = [await away(t, sdk), await away(t, sdk)];
    const [first, second] = [await one.client.subscribe(name), await other.client.subscribe(name)];
    one.relay.down();
    await publish(name, 1, 2);
    await second.expect(...events(1, 2));
    other.relay.down();
    await publish(name, 3, 4);
    other.relay.up();
    one.relay.up();
    assert.match(await recovered(second), /-2$/);
    assert.match(await recovered(first), /-0$/);
    await second.expect(...events(3, 4));
    await first.expect(...events(1, 4));
  });

  for (const broadcaster of ['pusher', 'reverb']) {
    test(`goes on under laravel-echo 2.5.0 as ${broadcaster}`, async (t) => {
      const relay = await Relay.start(t);
      const echo = new Echo({ broadcaster, key: app.key, Pusher: sdk.Pusher, ...address(relay.at), wssPort: relay.at.port });
      t.after(() => echo.disconnect());
      const [name, short] = [fresh('orders'), fresh('brief')];
      const log = new Log('events of Echo');
      const all = new Log('listenToAll');
      const notices = new Log('notices of Echo');
      const states = new Log('states of Echo');
      for (const channel of [name, short]) {
        echo.channel(channel)
          .subscribed(() => states.push(`subscribed to ${channel}`))
          .listen('.e', (n) => log.push([channel, n]))
          .listenToAll((event, n) => all.push([event, n]))
          .listen('.pusher:resume_gap', ({ reason }) => notices.push([channel, reason]))
          .listen('.pusher:resume_recovered', () => notices.push([channel, 'recovered']));
      }
      const both = async () => {
        const seen = [await states.next('a subscription'), await states.next('another')];
        assert.deepEqual(seen.sort(), [`subscribed to ${short}`, `subscribed to ${name}`].sort());
      };
      await both();
      relay.down();
      await publish(name, 1, 3);
      await publish(short, 1, 4);
      relay.up();
      await log.expect(...[1, 2, 3].map((n) => [name, n]));
      await all.expect(...[1, 2, 3].map((n) => ['.e', n]));
      await both();
      await notices.expect([name, 'recovered'], [short, 'expired']);
      await publish(short, 5);
      await log.expect([short, 5]);
      await all.expect(['.e', 5]);
    });
  }
});
