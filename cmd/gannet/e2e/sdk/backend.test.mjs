// What npm pusher asks of the HTTP API, and how the answers look to it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, backend, connect, fresh, sdks, server } from './clients.mjs';

const rest = backend();
const [sdk] = sdks;

/** Fails unless the call is refused with this status and a text that matches. */
async function refused(call, status, text) {
  await assert.rejects(call, (error) => {
    assert.equal(error.status, status, error.body);
    assert.match(error.body, text);
    return true;
  });
}

describe('npm pusher 5.3.4', { concurrency: 1 }, () => {
  test('trigger answers {} and with info one entry for each channel', async (t) => {
    const [room, open, empty] = [fresh('presence-room'), fresh('open'), fresh('empty')];
    for (const user_id of ['a', 'a', 'b']) {
      const client = await connect(t, sdk, { member: { user_id } });
      await client.subscribe(room);
      if (user_id === 'b') await client.subscribe(open);
    }
    assert.deepEqual(await answer(rest.trigger(open, 'e', 'x')), {});
    assert.deepEqual(await answer(rest.trigger([room, open, empty], 'e', 'x', { info: 'user_count,subscription_count' })), { channels: {
      [room]: { user_count: 2, subscription_count: 3 },
      [open]: { subscription_count: 1 },
      [empty]: { subscription_count: 0 },
    } });
    assert.deepEqual(await answer(rest.trigger([open], 'e', 'x', { info: 'user_count' })), { channels: { [open]: {} } });
  });

  test('triggerBatch answers {} and with info one entry for each event', async (t) => {
    const [room, open] = [fresh('presence-room'), fresh('open')];
    const client = await connect(t, sdk, { member: { user_id: 'a' } });
    await client.subscribe(room);
    await client.subscribe(open);
    assert.deepEqual(await answer(rest.triggerBatch([{ channel: open, name: 'e', data: 'x' }])), {});
    assert.deepEqual(await answer(rest.triggerBatch([
      { channel: room, name: 'e', data: 'x', info: 'user_count,subscription_count' },
      { channel: open, name: 'e', data: 'x' },
      { channel: open, name: 'e', data: 'x', info: 'subscription_count' },
    ])), { batch: [{ user_count: 1, subscription_count: 1 }, {}, { subscription_count: 1 }] });
  });

  test('channels lists what is occupied, by prefix, with user counts', async (t) => {
    const mark = fresh('presence-list');
    const client = await connect(t, sdk, { member: { user_id: 'a' } });
    assert.deepEqual(await answer(rest.get({ path: '/channels', params: { filter_by_prefix: mark } })), { channels: {} });
    await client.subscribe(`${mark}-1`);
    await client.subscribe(`${mark}-2;=@,.`);
    assert.deepEqual(await answer(rest.get({ path: '/channels', params: { filter_by_prefix: mark } })), { channels: { [`${mark}-1`]: {}, [`${mark}-2;=@,.`]: {} } });
    assert.deepEqual(await answer(rest.get({ path: '/channels', params: { filter_by_prefix: `${mark}-2`, info: 'user_count' } })), { channels: { [`${mark}-2;=@,.`]: { user_count: 1 } } });
    const all = await answer(rest.get({ path: '/channels' }));
    assert.deepEqual(all.channels[`${mark}-1`], {});
    await refused(rest.get({ path: '/channels', params: { info: 'user_count' } }), 400, /./);
    await refused(rest.get({ path: '/channels', params: { info: 'weight' } }), 400, /./);
  });

  test('one channel tells what it can and refuses what it cannot', async (t) => {
    const open = fresh('open');
    assert.deepEqual(await answer(rest.get({ path: `/channels/${open}` })), { occupied: false });
    assert.deepEqual(await answer(rest.get({ path: `/channels/${open}`, params: { info: 'subscription_count' } })), { occupied: false, subscription_count: 0 });
    await (await connect(t, sdk)).subscribe(open);
    assert.deepEqual(await answer(rest.get({ path: `/channels/${open}`, params: { info: 'subscription_count' } })), { occupied: true, subscription_count: 1 });
    await refused(rest.get({ path: `/channels/${open}`, params: { info: 'user_count' } }), 400, /./);
    await refused(rest.get({ path: `/channels/${open}`, params: { info: 'cache' } }), 400, /./);
    assert.deepEqual(await answer(rest.get({ path: `/channels/${fresh('cache-open')}`, params: { info: 'cache' } })), { occupied: false, cache: null });
  });

  test('users are listed for presence channels only', async () => {
    assert.deepEqual(await answer(rest.get({ path: `/channels/${fresh('presence-empty')}/users` })), { users: [] });
    await refused(rest.get({ path: `/channels/${fresh('open')}/users` }), 400, /./);
  });

  test('a wrong secret, a wrong key and a wrong app are refused', async () => {
    const { full, quiet } = server.apps;
    await refused(backend({ ...full, secret: 'wrong' }).trigger('a', 'b', 'c'), 401, /^Invalid signature: you should have sent HmacSHA256Hex\("POST\\n\/apps\//);
    await refused(backend({ ...full, key: quiet.key, secret: quiet.secret }).trigger('a', 'b', 'c'), 401, /^Unknown auth_key/);
    await assert.rejects(backend({ ...full, id: 'nobody' }).trigger('a', 'b', 'c'), ({ status }) => status === 404 || status === 401);
    await refused(backend(server.apps.disabled).trigger('a', 'b', 'c'), 403, /./);
  });

  test('the limits hold: 10240 bytes of data, 10 events, 164 characters of a name', async () => {
    await answer(rest.trigger('a', 'e', 'é'.repeat(5120)));
    await refused(rest.trigger('a', 'e', 'é'.repeat(5120) + 'x'), 413, /exceeds the allowed maximum \(10240 bytes\)/);
    await refused(rest.triggerBatch([{ channel: 'a', name: 'e', data: 'x' }, { channel: 'a', name: 'e', data: 'x'.repeat(10241) }]), 413, /./);
    await answer(rest.trigger('a'.repeat(164), 'e', 'x'));
    await refused(rest.trigger('a'.repeat(165), 'e', 'x'), 400, /./);
    await refused(rest.triggerBatch(Array.from({ length: 11 }, () => ({ channel: 'a', name: 'e', data: 'x' }))), 400, /./);
    await answer(rest.trigger(Array.from({ length: 100 }, (_, n) => `hundred-${n}`), 'e', 'x'));
    await refused(rest.trigger('a', 'pusher:subscription_succeeded', 'x'), 400, /./);
    await refused(rest.trigger('a', 'pusher_internal:member_added', 'x'), 400, /./);
  });

  test('nothing of a refused request is delivered', async (t) => {
    const name = fresh('all-or-nothing');
    const log = await (await connect(t, sdk)).subscribe(name);
    await assert.rejects(rest.trigger([name, 'a'.repeat(165)], 'half', 'x'));
    await assert.rejects(rest.triggerBatch([{ channel: name, name: 'half', data: 'x' }, { channel: name, name: 'half', data: 'x'.repeat(10241) }]));
    await rest.trigger(name, 'fence', {});
    await log.expect(['fence', {}]);
  });
});
