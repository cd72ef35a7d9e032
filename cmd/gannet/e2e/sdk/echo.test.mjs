// Laravel Echo over pusher-js, once as Laravel sets it up for Pusher and once for Reverb.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Echo from 'laravel-echo';
import { Log, address, authorize, backend, fresh, sdks, server } from './clients.mjs';

const rest = backend();
const app = server.apps.full;
const [{ Pusher }] = sdks;

const setups = {
  pusher: (answer) => ({ ...address(), channelAuthorization: {
    customHandler: ({ socketId, channelName }, callback) => callback(null, answer(socketId, channelName)),
  } }),
  // Laravel's documentation for Reverb: no cluster, ports for both schemes, the older form of authorizer.
  reverb: (answer) => ({ wsHost: server.host, wsPort: server.port, wssPort: server.port, forceTLS: server.tls, enabledTransports: ['ws', 'wss'],
    authorizer: (channel) => ({ authorize: (socketId, callback) => callback(null, answer(socketId, channel.name)) }),
  }),
};

for (const [broadcaster, setup] of Object.entries(setups)) {
  /** An Echo that is connected, for a member of presence channels. */
  async function connect(t, member, answer = authorize(app, member), { key } = app) {
    const echo = new Echo({ broadcaster, key, Pusher, ...setup(answer) });
    t.after(() => echo.disconnect());
    const states = new Log('states of Echo');
    echo.connector.onConnectionChange((state) => states.push(state));
    if (echo.connector.connectionStatus() !== 'connected') await states.until((state) => state === 'connected', 'connected');
    return echo;
  }

  const subscribed = async (channel) => {
    const log = new Log(`subscription of ${channel.name}`);
    channel.subscribed(() => log.push('subscribed')).error((error) => log.push(error));
    await log.expect('subscribed');
    return channel;
  };

  const heard = (channel, ...events) => {
    const log = new Log(`events of ${channel.name}`);
    for (const event of events) channel.listen(event, (data) => log.push([event, data]));
    return log;
  };

  describe(`laravel-echo 2.5.0 as ${broadcaster}`, { concurrency: 1 }, () => {
    test('listens to class names and to plain names', async (t) => {
      const echo = await connect(t);
      assert.match(echo.socketId(), /^[0-9]+\.[0-9]+$/);
      const name = fresh('orders');
      const channel = await subscribed(echo.channel(name));
      const log = heard(channel, 'OrderShipped', '.order.paid');
      const all = new Log('everything');
      channel.listenToAll((event, data) => all.push([event, data]));
      await rest.trigger(name, 'App\\Events\\OrderShipped', { order: { id: 7 } });
      await rest.trigger(name, 'order.paid', { id: 7 });
      await log.expect(['OrderShipped', { order: { id: 7 } }], ['.order.paid', { id: 7 }]);
      await all.expect(['OrderShipped', { order: { id: 7 } }], ['.order.paid', { id: 7 }]);
    });

    test('a channel with a history is as others are', async (t) => {
      const lasting = server.apps.lasting;
      const past = backend(lasting);
      const echo = await connect(t, undefined, authorize(lasting), lasting);
      const name = fresh('orders');
      const channel = await subscribed(echo.private(name));
      const log = heard(channel, '.order');
      const all = new Log('everything');
      channel.listenToAll((event, data) => all.push([event, data]));
      await past.trigger(`private-${name}`, 'order', { id: 1 });
      await past.trigger(`private-${name}`, 'order', { id: 2 }, { socket_id: echo.socketId() });
      await past.trigger(`private-${name}`, 'order', { id: 3 });
      await log.expect(['.order', { id: 1 }], ['.order', { id: 3 }]);
      await all.expect(['.order', { id: 1 }], ['.order', { id: 3 }]);
    });

    test('private channels carry events and whispers', async (t) => {
      const [a, b] = [await connect(t), await connect(t)];
      const name = fresh('chat');
      const [one, two] = [await subscribed(a.private(name)), await subscribed(b.private(name))];
      const log = heard(two, '.message');
      two.listenForWhisper('typing', (data) => log.push(['whisper', data]));
      one.whisper('typing', { name: 'Alice' });
      await log.expect(['whisper', { name: 'Alice' }]);
      await rest.trigger(`private-${name}`, 'message', { text: 'hi' });
      await log.expect(['.message', { text: 'hi' }]);
    });

    test('toOthers spares the sender', async (t) => {
      const [a, b] = [await connect(t), await connect(t)];
      const name = fresh('posts');
      const [mine, others] = [heard(await subscribed(a.private(name)), '.post'), heard(await subscribed(b.private(name)), '.post')];
      await rest.trigger(`private-${name}`, 'post', { n: 1 }, { socket_id: a.socketId() });
      await rest.trigger(`private-${name}`, 'post', { n: 2 });
      await mine.expect(['.post', { n: 2 }]);
      await others.expect(['.post', { n: 1 }], ['.post', { n: 2 }]);
    });

    test('encrypted private channels decrypt', async (t) => {
      const echo = await connect(t);
      const name = fresh('vault');
      const log = heard(await subscribed(echo.encryptedPrivate(name)), '.secret');
      await rest.trigger(`private-encrypted-${name}`, 'secret', { pin: 1234 });
      await log.expect(['.secret', { pin: 1234 }]);
    });

    test('here, joining and leaving follow users and not tabs', async (t) => {
      const name = fresh('room');
      const enter = async (id) => {
        const echo = await connect(t, { user_id: id, user_info: { name: id } });
        const log = new Log(`room of ${id}`);
        const room = echo.join(name)
          .here((users) => log.push(['here', users.map((user) => user.name).sort()]))
          .joining((user) => log.push(['joining', user.name]))
          .leaving((user) => log.push(['leaving', user.name]))
          .listen('.fence', (data) => log.push(['fence', data]));
        return { echo, log, room };
      };
      const bob = await enter('bob');
      await bob.log.expect(['here', ['bob']]);
      const alice = await enter('alice');
      await alice.log.expect(['here', ['alice', 'bob']]);
      await bob.log.expect(['joining', 'alice']);
      const tab = await enter('alice');
      await tab.log.expect(['here', ['alice', 'bob']]);
      await rest.trigger(`presence-${name}`, 'fence', 1);
      for (const { log } of [alice, bob, tab]) await log.expect(['fence', 1]);
      alice.echo.leave(name);
      tab.echo.disconnect();
      await bob.log.expect(['leaving', 'alice']);
    });

    test('leaving a channel stops its events', async (t) => {
      const echo = await connect(t);
      const [left, kept] = [fresh('left'), fresh('kept')];
      const log = heard(await subscribed(echo.channel(left)), '.late');
      const fence = heard(await subscribed(echo.channel(kept)), '.fence');
      echo.leave(left);
      await rest.trigger(left, 'late', {});
      await rest.trigger(kept, 'fence', {});
      await fence.expect(['.fence', {}]);
      log.push('nothing');
      await log.expect('nothing');
    });
  });
}
