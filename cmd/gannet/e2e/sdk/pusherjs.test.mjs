// One story per promise, told by every version of pusher-js.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Log, answer, backend, connect, Client, fresh, patience, sdks, server } from './clients.mjs';

const rest = backend();
const alice = { user_id: 'alice', user_info: { name: 'Alice' } };
const bob = { user_id: 'bob', user_info: { name: 'Bob' } };
const joined = ['pusher:subscription_succeeded'];

for (const sdk of sdks) {
  const able = (what) => sdk.has.includes(what);

  describe(sdk.name, { concurrency: 1 }, () => {
    test('connects and learns its socket id', async (t) => {
      const client = await connect(t, sdk);
      assert.match(client.socketId, /^[0-9]+\.[0-9]+$/);
    });

    test('a public channel carries every kind of data unchanged', async (t) => {
      const client = await connect(t, sdk);
      const name = fresh('news');
      const log = await client.subscribe(name);
      const text = 'quote " back \\ slash / <b>&amp; é 漢 😀 \u2028 tab \t';
      await rest.trigger(name, 'text', text);
      await rest.trigger(name, 'object', { deep: [{ a: null }, 1.5, text] });
      await rest.trigger(name, 'App\\Events\\Shipped', { id: 1 });
      await log.expect(['text', text], ['object', { deep: [{ a: null }, 1.5, text] }], ['App\\Events\\Shipped', { id: 1 }]);
    });

    test('one trigger reaches several channels, and each subscriber once per channel', async (t) => {
      const client = await connect(t, sdk);
      const [one, two] = [fresh('one'), fresh('two')];
      const [first, second] = [await client.subscribe(one), await client.subscribe(two)];
      await rest.trigger([one, two, one], 'both', { n: 1 });
      await rest.trigger([two, one], 'fence', {});
      await first.expect(['both', { n: 1 }], ['fence', {}]);
      await second.expect(['both', { n: 1 }], ['fence', {}]);
    });

    test('channels with a history are as others are', async (t) => {
      const app = server.apps.lasting;
      const past = backend(app);
      const [a, b] = [await connect(t, sdk, { app, member: alice }), await connect(t, sdk, { app, member: bob })];
      const positions = new Log('positions on the wire');
      const read = (text) => { if (/"serial":/.test(text)) positions.push(JSON.parse(text).event); };
      const { socket } = a.pusher.connection.connection.transport;
      const { onmessage } = socket;
      socket.onmessage = (message) => { read(message.data); onmessage.call(socket, message); };
      for (const prefix of ['open', 'private-desk', 'presence-room', 'cache-rate', ...(able('encryption') ? ['private-encrypted-vault'] : [])]) {
        const name = fresh(prefix);
        const [one, two] = [await a.subscribe(name), await b.subscribe(name)];
        if (prefix === 'cache-rate') for (const log of [one, two]) await log.expect(['pusher:cache_miss', {}]);
        if (prefix === 'presence-room') await one.expect(['pusher:member_added', { id: 'bob', info: { name: 'Bob' } }]);
        await past.trigger(name, 'object', { deep: [1, 'é'] });
        await past.trigger(name, 'spared', 1, { socket_id: a.socketId });
        await past.trigger(name, 'text', 'fence');
        await one.expect(['object', { deep: [1, 'é'] }], ['text', 'fence']);
        await two.expect(['object', { deep: [1, 'é'] }], ['spared', 1], ['text', 'fence']);
        // Who did not ask gets positions with events alone.
        await positions.expect('object', 'text');
      }
    });

    test('unsubscribing stops the events of that channel only', async (t) => {
      const client = await connect(t, sdk);
      const [left, kept] = [fresh('left'), fresh('kept')];
      await client.subscribe(left);
      const log = await client.subscribe(kept);
      client.pusher.unsubscribe(left);
      await client.settled();
      const wire = new Log('the wire after unsubscribing');
      client.pusher.connection.bind('message', ({ event, channel }) => { if (!event.startsWith('pusher')) wire.push([event, channel]); });
      await rest.trigger(left, 'late', {});
      await rest.trigger(kept, 'fence', {});
      await wire.expect(['fence', kept]);
      await log.expect(['fence', {}]);
    });

    test('a private channel opens with a signature', async (t) => {
      const client = await connect(t, sdk);
      const name = fresh('private-desk');
      const log = await client.subscribe(name);
      await rest.trigger(name, 'memo', { n: 1 });
      await log.expect(['memo', { n: 1 }]);
    });

    test('a wrong signature refuses the channel and leaves the connection open', async (t) => {
      const app = server.apps.full;
      const client = await connect(t, sdk, { answer: () => ({ auth: `${app.key}:${'0'.repeat(64)}` }) });
      const [name, open] = [fresh('private-wrong'), fresh('open')];
      const refused = client.join(name);
      const error = await client.errors.next('the refusal');
      assert.equal(error.code, null);
      assert.ok(error.message.startsWith(`Invalid signature: Expected HMAC SHA256 hex digest of ${client.socketId}:${name}, but got `), error.message);
      const log = await client.subscribe(open);
      await rest.trigger([name, open], 'fence', {});
      await log.expect(['fence', {}]);
      assert.equal(refused.channel.subscribed, false);
      assert.equal(client.state, 'connected');
    });

    test('a wrong key, a malformed token and a missing token are told apart', async (t) => {
      const tokens = { 'private-key': 'nobody:00', 'private-form': 'nocolon', 'private-none': '' };
      const client = await connect(t, sdk, { answer: (_, channel) => ({ auth: tokens[channel.match(/^private-[a-z]+/)[0]] }) });
      for (const [prefix, want] of Object.entries({
        'private-key': () => `Invalid key in subscription auth data: 'nobody'`,
        'private-form': (name) => `Auth value for subscription to ${name} is invalid: should be of format 'key:signature'`,
      })) {
        const name = fresh(prefix);
        client.join(name);
        assert.deepEqual(await client.errors.next(prefix), { code: null, message: want(name) });
      }
      client.join(fresh('private-none'));
      assert.equal((await client.errors.next('private-none')).code, null);
      await client.settled();
      assert.equal(client.state, 'connected');
    });

    test('presence counts users, and tells the others only of first and last connections', async (t) => {
      const name = fresh('presence-room');
      const b = await connect(t, sdk, { member: bob });
      const a1 = await connect(t, sdk, { member: alice });
      const a2 = await connect(t, sdk, { member: { user_id: 'alice', user_info: { name: 'Alice on her phone' } } });
      const fence = (n) => rest.trigger(name, 'fence', n);

      const bobs = await b.subscribe(name);
      assert.equal(bobs.channel.members.count, 1);
      assert.deepEqual({ ...bobs.channel.members.me }, { id: 'bob', info: { name: 'Bob' } });

      const first = await a1.subscribe(name);
      assert.equal(first.channel.members.count, 2);
      assert.deepEqual(first.channel.members.members, { alice: { name: 'Alice' }, bob: { name: 'Bob' } });
      await bobs.expect(['pusher:member_added', { id: 'alice', info: { name: 'Alice' } }]);

      const second = await a2.subscribe(name);
      assert.equal(second.channel.members.count, 2);
      await fence(1);
      for (const log of [bobs, first, second]) await log.expect(['fence', 1]);

      assert.deepEqual(await answer(rest.get({ path: `/channels/${name}`, params: { info: 'user_count,subscription_count' } })),
        { occupied: true, user_count: 2, subscription_count: 3 });
      assert.deepEqual((await answer(rest.get({ path: `/channels/${name}/users` }))).users.map(({ id }) => id).sort(), ['alice', 'bob']);

      a1.pusher.unsubscribe(name);
      await a1.settled();
      await fence(2);
      for (const log of [bobs, second]) await log.expect(['fence', 2]);
      assert.equal(bobs.channel.members.count, 2);

      a2.pusher.disconnect();
      await bobs.expect(['pusher:member_removed', { id: 'alice', info: { name: 'Alice' } }]);
      assert.equal(bobs.channel.members.count, 1);
    });

    test('a number as user id is known by its digits', async (t) => {
      const name = fresh('presence-digits');
      const b = await connect(t, sdk, { member: bob });
      const bobs = await b.subscribe(name);
      const client = await connect(t, sdk, { member: { user_id: 10, user_info: { name: 'Ten' } } });
      const log = await client.subscribe(name);
      assert.deepEqual(log.channel.members.me.info, { name: 'Ten' });
      await bobs.expect(['pusher:member_added', { id: '10', info: { name: 'Ten' } }]);
    });

    test('a cache channel replays the last event, and says when it has none', async (t) => {
      for (const prefix of ['cache-', 'private-cache-', 'presence-cache-']) {
        const client = await connect(t, sdk, { member: alice });
        const name = fresh(prefix + 'rates');
        const early = client.join(name);
        await early.expect(joined, ['pusher:cache_miss', {}]);
        await rest.trigger(name, 'rate', { eur: 1 });
        await rest.trigger(name, 'rate', { eur: 2 });
        await early.expect(['rate', { eur: 1 }], ['rate', { eur: 2 }]);
        const late = await connect(t, sdk, { member: alice });
        const log = late.join(name);
        await rest.trigger(fresh('elsewhere'), 'noise', {});
        await log.expect(joined, ['rate', { eur: 2 }]);
        await rest.trigger(name, 'fence', {});
        await log.expect(['fence', {}]);
        const { cache } = await answer(rest.get({ path: `/channels/${name}`, params: { info: 'cache' } }));
        assert.equal(cache.data, '{}');
        assert.ok(cache.ttl > 0 && cache.ttl <= 1800, `ttl ${cache.ttl}`);
      }
    });

    test('a client event reaches the other subscribers of a private channel, and is not cached', async (t) => {
      for (const prefix of ['private-chat', 'private-cache-chat']) {
        const name = fresh(prefix);
        const [a, b] = [await connect(t, sdk), await connect(t, sdk)];
        const [one, two] = [await a.subscribe(name), await b.subscribe(name)];
        const missed = prefix.includes('cache') ? [['pusher:cache_miss', {}]] : [];
        await one.expect(...missed);
        await two.expect(...missed);
        assert.ok(one.channel.trigger('client-typing', { deep: [1, 'é'] }));
        assert.ok(one.channel.trigger('client-text', 'plain'));
        await two.expect(['client-typing', { deep: [1, 'é'] }], ['client-text', 'plain']);
        assert.ok(two.channel.trigger('client-answer', {}));
        await one.expect(['client-answer', {}]);
        const late = await (await connect(t, sdk)).subscribe(name);
        await late.expect(...missed);
        await rest.trigger(name, 'fence', {});
        await late.expect(['fence', {}]);
      }
    });

    test('a client event on a presence channel names its user', async (t) => {
      const name = fresh('presence-chat');
      const [a, b] = [await connect(t, sdk, { member: alice }), await connect(t, sdk, { member: bob })];
      const [one, two] = [await a.subscribe(name), await b.subscribe(name)];
      const heard = new Log('client events with their users');
      two.channel.bind('client-wave', (data, metadata) => heard.push([data, { ...metadata }]));
      one.channel.trigger('client-wave', { hand: 'left' });
      await heard.expect([{ hand: 'left' }, { user_id: 'alice' }]);
    });

    test('client events are refused where the app has them off', async (t) => {
      const app = server.apps.quiet;
      const name = fresh('private-quiet');
      const [a, b] = [await connect(t, sdk, { app }), await connect(t, sdk, { app })];
      const [one, two] = [await a.subscribe(name), await b.subscribe(name)];
      one.channel.trigger('client-typing', {});
      const error = await a.errors.next('the refusal');
      assert.equal(error.code, null);
      assert.equal(a.state, 'connected');
      await backend(app).trigger(name, 'fence', {});
      await two.expect(['fence', {}]);
    });

    test('client events are refused on a public channel', async (t) => {
      const name = fresh('plaza');
      const [a, b] = [await connect(t, sdk), await connect(t, sdk)];
      await a.subscribe(name);
      const two = await b.subscribe(name);
      a.pusher.send_event('client-shout', {}, name);
      assert.equal((await a.errors.next('the refusal')).code, null);
      await rest.trigger(name, 'fence', {});
      await two.expect(['fence', {}]);
    });

    test('the connection named by socket_id is left out', async (t) => {
      const name = fresh('todos');
      const [a, b] = [await connect(t, sdk), await connect(t, sdk)];
      const [one, two] = [await a.subscribe(name), await b.subscribe(name)];
      await rest.trigger(name, 'saved', { n: 1 }, { socket_id: a.socketId });
      await rest.triggerBatch([{ channel: name, name: 'saved', data: { n: 2 }, socket_id: b.socketId }]);
      await rest.trigger(name, 'fence', {}, { socket_id: '1.1' });
      await one.expect(['saved', { n: 2 }], ['fence', {}]);
      await two.expect(['saved', { n: 1 }], ['fence', {}]);
    });

    test('a batch arrives in order', async (t) => {
      const client = await connect(t, sdk);
      const [one, two] = [fresh('batch'), fresh('batch')];
      const [first, second] = [await client.subscribe(one), await client.subscribe(two)];
      const batch = Array.from({ length: 10 }, (_, n) => ({ channel: n % 2 ? two : one, name: 'step', data: { n } }));
      assert.deepEqual(await answer(rest.triggerBatch(batch)), {});
      await first.expect(...[0, 2, 4, 6, 8].map((n) => ['step', { n }]));
      await second.expect(...[1, 3, 5, 7, 9].map((n) => ['step', { n }]));
    });

    test('an unknown key ends in disconnected with code 4001', async (t) => {
      const client = new Client(t, sdk, { app: { ...server.apps.full, key: 'nobody-has-this-key' } });
      assert.equal((await client.errors.next('the refusal')).code, 4001);
      await client.states.until((state) => state === 'disconnected', 'disconnected');
    });

    test('a disabled app ends in disconnected with code 4003', async (t) => {
      const client = new Client(t, sdk, { app: server.apps.disabled });
      assert.equal((await client.errors.next('the refusal')).code, 4003);
      await client.states.until((state) => state === 'disconnected', 'disconnected');
    });

    test('one connection over the limit ends in disconnected with code 4004, and the first one stays', async (t) => {
      const app = server.apps.small;
      // The place of the test before may be taken until the server has seen its client go.
      let first;
      for (const end = Date.now() + patience; ;) {
        first = new Client(t, sdk, { app });
        if (await first.states.until((s) => s === 'connected' || s === 'disconnected', 'an end of connecting') === 'connected') break;
        assert.ok(Date.now() < end, 'the place of a closed connection never came free');
      }
      const second = new Client(t, sdk, { app });
      assert.equal((await second.errors.next('the refusal')).code, 4004);
      await second.states.until((state) => state === 'disconnected', 'disconnected');
      await first.settled();
      assert.equal(first.state, 'connected');
    });

    test('a full presence channel refuses a third user but takes a second connection of a member', async (t) => {
      const app = server.apps.crowded;
      const name = fresh('presence-lift');
      const member = (id) => ({ app, member: { user_id: id, user_info: {} } });
      await (await connect(t, sdk, member('a'))).subscribe(name);
      await (await connect(t, sdk, member('b'))).subscribe(name);
      const third = await connect(t, sdk, member('c'));
      third.join(name);
      const error = await third.errors.next('the refusal');
      assert.equal(typeof error.message, 'string');
      await third.settled();
      assert.equal(third.state, 'connected');
      const again = await (await connect(t, sdk, member('a'))).subscribe(name);
      assert.equal(again.channel.members.count, 2);
    });

    if (able('encryption')) {
      test('an encrypted channel decrypts what the server library encrypted', async (t) => {
        const client = await connect(t, sdk);
        const name = fresh('private-encrypted-vault');
        const log = await client.subscribe(name);
        const wire = new Log('the wire');
        client.pusher.connection.bind('message', (message) => wire.push(message));
        await rest.trigger(name, 'secret', { pin: 1234, note: 'é' });
        await log.expect(['secret', { pin: 1234, note: 'é' }]);
        assert.deepEqual(Object.keys((await wire.until(({ event }) => event === 'secret', 'the ciphertext')).data).sort(), ['ciphertext', 'nonce']);
        await rest.triggerBatch([{ channel: name, name: 'secret', data: 'from a batch' }]);
        await log.expect(['secret', 'from a batch']);
      });

      test('an encrypted cache channel replays ciphertext that decrypts', async (t) => {
        const name = fresh('private-encrypted-cache-vault');
        const early = (await connect(t, sdk)).join(name);
        await early.expect(joined, ['pusher:cache_miss', {}]);
        await rest.trigger(name, 'secret', { pin: 1 });
        await early.expect(['secret', { pin: 1 }]);
        await (await connect(t, sdk)).join(name).expect(joined, ['secret', { pin: 1 }]);
      });
    }

    if (able('count')) {
      test('subscription_count follows every subscribe and unsubscribe', async (t) => {
        const name = fresh('counted');
        const [a, b] = [await connect(t, sdk), await connect(t, sdk)];
        const count = (n) => ['pusher:subscription_count', n];
        const one = await a.subscribe(name, { counts: true });
        await one.expect(count(1));
        const two = await b.subscribe(name, { counts: true });
        await two.expect(count(2));
        await one.expect(count(2));
        assert.equal(one.channel.subscriptionCount, 2);
        b.pusher.unsubscribe(name);
        await one.expect(count(1));
      });
    }

    if (able('users')) {
      test('a signed-in user hears what is sent to them, on all their connections, and nobody else', async (t) => {
        const [id, other] = [fresh('user'), fresh('user')];
        const as = (user) => connect(t, sdk, { user: { id: user } }).then((client) => client.signIn());
        const [one, two, stranger] = [await as(id), await as(id), await as(other)];
        const logs = [one, two, stranger].map((client) => {
          const log = new Log(`user events of ${client.socketId}`);
          client.pusher.user.bind_global((event, data) => log.push([event, data]));
          return log;
        });
        assert.equal(one.pusher.user.user_data.id, id);
        await rest.sendToUser(id, 'letter', { n: 1 });
        await rest.sendToUser(other, 'fence', {});
        await logs[0].expect(['letter', { n: 1 }]);
        await logs[1].expect(['letter', { n: 1 }]);
        await logs[2].expect(['fence', {}]);
      });

      test('a wrong sign-in is an error on an open connection', async (t) => {
        const client = await connect(t, sdk, {
          options: { userAuthentication: { customHandler: (_, callback) => callback(null, { auth: `${server.apps.full.key}:00`, user_data: '{"id":"x"}' }) } },
        });
        client.pusher.signin();
        assert.equal((await client.errors.next('the refusal')).code, null);
        await client.settled();
        assert.equal(client.state, 'connected');
      });

      test('nobody reads the letters of another user', async (t) => {
        const id = fresh('user');
        const owner = await (await connect(t, sdk, { user: { id } })).signIn();
        const letters = new Log('letters');
        owner.pusher.user.bind('letter', (data) => letters.push(data));
        const thief = await connect(t, sdk);
        const wire = new Log('the wire of the thief');
        thief.pusher.connection.bind('message', ({ event, channel }) => wire.push([event, channel]));
        // pusher-js itself refuses such a name, so the frame is sent past it.
        thief.pusher.send_event('pusher:subscribe', { auth: '', channel: `#server-to-user-${id}` });
        assert.equal((await thief.errors.next('the refusal')).code, null);
        await rest.sendToUser(id, 'letter', { n: 1 });
        await letters.expect({ n: 1 });
        await thief.settled();
        await wire.expect(['pusher:error', undefined], ['pusher:pong', undefined]);
      });

      test('a signed-in user joins presence without channel_data', async (t) => {
        const id = fresh('user');
        const client = await connect(t, sdk, { user: { id, user_info: { name: 'Signed in' } } });
        await client.signIn();
        const log = await client.subscribe(fresh('presence-signed'));
        assert.deepEqual({ ...log.channel.members.me }, { id, info: { name: 'Signed in' } });
      });

      test('a watchlist tells who is online, who comes and who goes', async (t) => {
        const [here, away, me] = [fresh('user'), fresh('user'), fresh('user')];
        await (await connect(t, sdk, { user: { id: here } })).signIn();
        const watcher = await connect(t, sdk, { user: { id: me, watchlist: [here, away] } });
        const heard = new Log('watchlist');
        for (const name of ['online', 'offline']) watcher.pusher.user.watchlist.bind(name, ({ user_ids }) => heard.push([name, user_ids]));
        await watcher.signIn();
        const first = [await heard.next('the first state'), await heard.next('the first state')].sort();
        assert.deepEqual(first, [['offline', [away]], ['online', [here]]]);
        const one = await (await connect(t, sdk, { user: { id: away } })).signIn();
        await heard.expect(['online', [away]]);
        const two = await (await connect(t, sdk, { user: { id: away } })).signIn();
        one.pusher.disconnect();
        two.pusher.disconnect();
        await heard.expect(['offline', [away]]);
      });

      test('terminating a user closes all their connections for good and nobody else\'s', async (t) => {
        const id = fresh('user');
        const name = fresh('presence-left');
        const as = { user: { id }, member: { user_id: id, user_info: {} } };
        const [one, two] = [await (await connect(t, sdk, as)).signIn(), await (await connect(t, sdk, as)).signIn()];
        const onlyPresence = await connect(t, sdk, { member: { user_id: id, user_info: {} } });
        await one.subscribe(name);
        await onlyPresence.subscribe(name);
        assert.deepEqual(await answer(rest.terminateUserConnections(id)), {});
        for (const client of [one, two]) {
          assert.equal((await client.errors.next('the termination')).code, 4009);
          await client.states.until((state) => state === 'disconnected', 'disconnected');
        }
        await onlyPresence.settled();
        assert.equal(onlyPresence.state, 'connected');
        assert.deepEqual([one.state, two.state], ['disconnected', 'disconnected']);
        assert.deepEqual(await answer(rest.terminateUserConnections(fresh('nobody'))), {});
      });
    }

    test('an app that wants authorization keeps whoever authorizes and closes others with 4009', async (t) => {
      const app = server.apps.guarded;
      // A client that waits for a processor may ask too late, and then tries again.
      let member;
      for (const end = Date.now() + patience; ;) {
        member = await connect(t, sdk, { app });
        member.join(fresh('private-guarded'));
        const { event } = await member.messages.until(({ event }) => event === 'pusher_internal:subscription_succeeded' || event === 'pusher:error', 'an answer');
        if (event !== 'pusher:error') break;
        assert.ok(Date.now() < end, 'never in time');
      }
      const idler = await connect(t, sdk, { app });
      assert.equal((await idler.errors.next('the time-out')).code, 4009);
      await idler.states.until((state) => state === 'disconnected', 'disconnected');
      await member.settled();
      assert.equal(member.state, 'connected');
    });
  });
}
