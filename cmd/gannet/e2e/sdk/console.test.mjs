// The operator's console in a browser: every view with a made-up world, which is full and the same each time, and then with a
// real server, where what is clicked has to happen.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { listen, secret } from '../../../../pusher/console/web/mock/server.mjs';
import { Browser, accessible, picture, sizes } from './chromium.mjs';
import { PusherServer, connect, patience, sdks } from './clients.mjs';
import { Process } from './process.mjs';

let browser;
before(async () => { browser = await Browser.start(); });
after(() => browser?.close());

const phone = { width: 360, height: 780 };
const built = fileURLToPath(new URL('../../../../pusher/console/dist', import.meta.url));

/** A browser complains of each request that is refused, also of those that a test has refused on purpose. */
const refused = /Failed to load resource/;

/** The address of the console with an API that is made up. It ends after visitors that came before it have left. */
async function madeUp(t, options) {
  const { url, close } = await listen({ folders: [built], ...options });
  t.after(close);
  return url;
}

/** Waits until a text is somewhere in the view. */
const shows = (page, text) => page.locator('main').getByText(text).first().waitFor();

/** Fails when a page is wider than its window. */
async function fits(page) {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(beyond <= 0, `${page.url()} is ${beyond} px wider than the window`);
}

/** Looks at what is open now: in light and dark, wide and narrow. */
async function look(page, name, { small = phone } = {}) {
  for (const [wide, size] of [['desktop', sizes.desktop], ['phone', small]]) {
    await page.setViewportSize(size);
    await fits(page);
    await accessible(page);
    for (const colorScheme of ['dark', 'light']) await picture(page, `console-${name}-${wide}-${colorScheme}`, { colorScheme });
  }
  await page.setViewportSize(sizes.desktop);
}

/** The views of the made-up world, and a text that is there once it has answered. */
const views = [
  ['overview', '', '3d 2h'],
  ['apps', 'apps', 'shop-key-7f3a'],
  ['app', 'apps/shop', 'ticks-*'],
  ['channels', 'channels?app=trading', 'announcements'],
  ['channels-none', 'channels?app=trading&q=nowhere', 'No channel matches'],
  ['channel', 'channels/trading/presence-room-3', 'barbara'],
  ['channel-cache', 'channels/trading/cache-weather', 'Lisbon'],
  ['channel-absent', 'channels/trading/nobody', 'Nobody is on this channel'],
  ['connections', 'connections', '203.0.113.1'],
  ['connections-none', 'connections?q=nobody', 'No connection of node gannet-1 matches'],
  ['live', 'live', 'left out: 100 a second'],
  ['publish', 'publish', 'Nothing yet'],
  ['webhooks', 'webhooks', 'audit.example.com'],
  ['cluster', 'cluster', 'gannet-2'],
  ['nowhere', 'nowhere', 'There is no such place'],
];

describe('the console', { concurrency: 1 }, () => {
  test('shows every view, accessible, in light and dark, on a desk and on a phone', async (t) => {
    const visitor = await browser.visitor(t);
    const at = await madeUp(t);
    const page = await visitor.open(at);
    for (const [name, path, text] of views) {
      await page.goto(`${at}#/${path}`);
      await shows(page, text);
      await look(page, name);
    }

    // What is behind a click.
    await page.goto(`${at}#/connections`);
    await page.locator('tbody a').first().click();
    await shows(page, 'You are sending client events too fast');
    await look(page, 'connection');
    await page.getByRole('button', { name: 'Close it' }).click();
    await page.getByRole('dialog').getByText('stay away').waitFor();
    await look(page, 'connection-close');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });

    await page.goto(`${at}#/live`);
    await page.locator('.line[role=option]').nth(3).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('listbox').press('End');
    await page.getByLabel('One event').waitFor();
    await look(page, 'live-detail');

    await page.goto(`${at}#/webhooks`);
    await page.getByRole('button', { name: 'Test…' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await page.getByRole('dialog').getByText('The receiver is not content').waitFor();
    await look(page, 'webhooks-test');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /5f1d09c4a7e2-1042/ }).click();
    await page.getByLabel('Choose 5f1d09c4a7e2-1041').check();
    await page.getByRole('button', { name: 'Replay 1' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    await page.getByRole('status').getByText('1 dead letter sent again').waitFor();

    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await look(page, 'keys');
    await page.keyboard.press('Escape');

    await page.setViewportSize(phone);
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('dialog').getByRole('link', { name: 'Cluster' }).waitFor();
    await accessible(page);
    await picture(page, 'console-menu-phone-light');
    await page.getByRole('dialog').getByRole('link', { name: 'Cluster' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await shows(page, 'gannet-2');
  });

  test('signs in and out, and says why not', async (t) => {
    const visitor = await browser.visitor(t);
    const at = await madeUp(t, { signIn: true });
    const page = await visitor.open(at, { allow: refused });
    const field = page.getByLabel('Password or token');
    await field.fill('wrong');
    await field.press('Enter');
    await page.getByRole('alert').getByText('neither').waitFor();
    await look(page, 'door');
    await field.fill(secret);
    await field.press('Enter');
    await shows(page, '3d 2h');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await field.waitFor();
  });

  test('is used by keyboard alone', async (t) => {
    const visitor = await browser.visitor(t);
    const at = await madeUp(t);
    const page = await visitor.open(at);
    await shows(page, '3d 2h');
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');

    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to the content');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');

    for (const [key, heading] of [['a', 'Apps'], ['c', 'Channels'], ['n', 'Connections'], ['l', 'Live events'], ['p', 'Publish'], ['w', 'Webhooks'], ['s', 'Cluster'], ['o', 'Overview']]) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    }

    // A view without a search leads to one that has it.
    await page.keyboard.press('/');
    await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Search channels');
    await page.keyboard.type('ticks-A');
    await shows(page, 'ticks-AAPL');
    await page.locator('tbody a').nth(3).waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll('tbody a')].every((a) => a.textContent.startsWith('ticks-A')));
    assert.match(page.url(), /q=ticks-A/);
    await page.locator('tbody a').first().focus();
    const first = await focused();
    await page.keyboard.press('ArrowDown');
    const second = await focused();
    assert.notEqual(first, second);
    await page.keyboard.press('ArrowUp');
    assert.equal(await focused(), first);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: first }).waitFor();

    // No traps: Tab goes through every view and comes out at its end.
    for (const place of ['', 'channels', 'live', 'publish', 'webhooks']) {
      await page.goto(`${at}#/${place}`);
      await page.locator('main button, main a, main input').first().waitFor();
      await page.locator('main').focus();
      let inside = true;
      for (let presses = 0; inside; presses++) {
        assert.ok(presses < 400, `Tab never leaves ${place}`);
        await page.keyboard.press('Tab');
        inside = await page.evaluate(() => document.querySelector('main').contains(document.activeElement));
      }
    }

    // t turns the colours round, and they stay.
    const scheme = () => page.evaluate(() => document.documentElement.dataset.theme);
    assert.equal(await scheme(), 'light');
    await page.keyboard.press('t');
    assert.equal(await scheme(), 'dark');
    await page.reload();
    assert.equal(await scheme(), 'dark');
  });

  test('takes keys as fast as they are pressed', async (t) => {
    const visitor = await browser.visitor(t);
    const at = await madeUp(t);
    const page = await visitor.open(at);
    await shows(page, '3d 2h');
    const label = () => document.activeElement?.getAttribute('aria-label');

    // The moment a view is there, before the browser has painted it, as on a machine that is busy with other things.
    for (let round = 0; round < 3; round++) {
      await page.keyboard.press('g');
      await page.keyboard.press('a');
      await page.getByRole('heading', { level: 1, name: 'Apps' }).waitFor();
      await page.evaluate(() => {
        const press = (key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        const heading = document.querySelector('h1');
        new MutationObserver((_, observer) => {
          if (heading.textContent !== 'Overview') return;
          observer.disconnect();
          press('/');
        }).observe(heading, { subtree: true, characterData: true, childList: true });
        press('g');
        press('o');
      });
      await page.waitForFunction(label);
      assert.equal(await page.evaluate(label), 'Search channels');
      await page.keyboard.press('Escape');
    }

    // And one behind the other: what is typed goes to the view that was asked for, not to the one before.
    await page.goto(`${at}#/connections`);
    await page.getByLabel('Search connections').waitFor();
    await page.evaluate(async () => {
      for (const key of ['g', 'c', '/']) {
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        await null;
      }
    });
    assert.equal(await page.evaluate(label), 'Search channels');
  });

  test('says when the server does not answer, and goes on when it does', async (t) => {
    const visitor = await browser.visitor(t);
    const at = await madeUp(t);
    const page = await visitor.open(`${at}#/channels?app=trading`, { allow: refused });
    await shows(page, 'announcements');
    await page.route('**/api/**', (route) => route.abort());
    await page.locator('main').getByRole('alert').getByText('does not answer').waitFor();
    await page.getByText('No answer').waitFor();
    await shows(page, 'announcements'); // what was known is still there
    await look(page, 'away');
    await page.unroute('**/api/**');
    await page.locator('main').getByRole('alert').waitFor({ state: 'detached' });
    await page.getByText('Ready', { exact: true }).waitFor();

    // A server that does not want clients says why, at some length.
    const reason = 'the backbone is away: dial tcp 192.0.2.17:6379: connect: connection refused';
    await page.route('**/api/overview*', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), ready: false, reason } });
    });
    await page.getByText(reason).waitFor();
    await look(page, 'unready');
    await page.unrouteAll({ behavior: 'wait' });
  });
});

const password = 'correct horse battery';
const shop = { id: 'shop', key: 'key-shop', secret: 'secret-shop' };

/** A receiver of webhooks that takes what is about channels named gladly, and nothing else at first; and a server that tells it. */
async function realServer(t) {
  const receiver = { content: false, deliveries: [] };
  const listener = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const good = receiver.content;
    if (good) receiver.deliveries.push(body);
    response.writeHead(good ? 200 : 500).end();
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => listener.close());
  const folder = await mkdtemp(join(tmpdir(), 'gannet-console-'));
  t.after(() => rm(folder, { recursive: true }));
  const config = join(folder, 'gannet.yaml');
  await writeFile(config, `listen: "127.0.0.1:0"
admin: { listen: "127.0.0.1:0", password: "${password}" }
drain_window: 100ms
webhooks: { allow: [127.0.0.1], leave_delay: 100ms }
apps:
  - id: ${shop.id}
    key: ${shop.key}
    secret: ${shop.secret}
    client_events: true
    channels: [{ match: "ticks-*", history: { events: 100 } }]
    webhooks: [{ name: audit, url: "http://127.0.0.1:${listener.address().port}/hook", events: [channel_occupied], retry_for: 2s }]
  - { id: other, key: key-other, secret: secret-other }
`);
  return { process: await Process.start(t, config), receiver };
}

describe('the console of a real server', () => {
  test('does what is clicked', async (t) => {
    const visitor = await browser.visitor(t);
    const { process, receiver } = await realServer(t);
    const at = { host: '127.0.0.1', port: process.port };
    const origin = `http://${process.admin}/`;
    const rest = new PusherServer({ appId: shop.id, key: shop.key, secret: shop.secret, host: at.host, port: String(at.port), useTLS: false, timeout: patience });

    const ann = await connect(t, sdks[0], { at, app: shop, member: { user_id: 'ann', user_info: { name: 'Ann' } } });
    const room = await ann.subscribe('presence-room');
    const ticks = await ann.subscribe('ticks-1');
    for (let n = 1; n <= 25; n++) await rest.trigger('ticks-1', 'trade', { n });

    const page = await visitor.open(origin, { allow: refused });
    const heading = (name) => page.getByRole('heading', { level: 1, name }).waitFor();
    const field = page.getByLabel('Password or token');

    await t.test('it asks for the password', async () => {
      await field.fill('wrong wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').waitFor();
      await field.fill(password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await heading('Overview');
    });

    await t.test('overview: figures and lines of this server', async () => {
      await page.getByText('Ready', { exact: true }).waitFor();
      const connections = page.locator('.figures > div', { hasText: 'Connections' }).locator('dd');
      await connections.getByText('1', { exact: true }).waitFor();
      await page.getByRole('img', { name: /^Connections: open 1$/ }).waitFor();
      await page.getByRole('img', { name: /^Memory: resident [0-9.]+ MiB/ }).waitFor();
      await look(page, 'real-overview');
    });

    await t.test('apps: the secret is shown when asked for, and not before', async () => {
      await page.getByRole('link', { name: 'Apps' }).click();
      await page.getByRole('link', { name: 'shop', exact: true }).click();
      await heading(/shop/);
      assert.equal((await page.locator('main').textContent()).includes(shop.secret), false);
      await page.getByRole('button', { name: 'Show secrets' }).click();
      await shows(page, shop.secret);
      await page.getByRole('button', { name: 'Hide' }).click();
      await page.getByText(shop.secret).waitFor({ state: 'detached' });
      await shows(page, 'ticks-*');
      await look(page, 'real-app');
    });

    await t.test('channels: members and history, to its end', async () => {
      await page.goto(`${origin}#/channels?app=shop`);
      await page.getByRole('link', { name: 'ticks-1' }).waitFor();
      await look(page, 'real-channels');
      await page.getByRole('link', { name: 'presence-room' }).click();
      await page.getByRole('link', { name: 'ann', exact: true }).waitFor();
      await look(page, 'real-channel');
      await page.goto(`${origin}#/channels/shop/ticks-1`);
      const events = page.getByRole('button', { name: 'trade' });
      await events.nth(19).waitFor();
      await page.getByRole('button', { name: 'Older' }).click();
      await events.nth(24).waitFor();
      assert.equal(await events.count(), 25);
      await events.last().click();
      await page.getByText('"n": 1', { exact: false }).waitFor();
    });

    await t.test('live: what is published is there, paused or not', async () => {
      await page.goto(`${origin}#/live?app=shop&types=publish,client_event`);
      await page.getByText(/[0-9] event/).waitFor(); // the stream is open
      await rest.trigger('ticks-1', 'live-one', { a: 1 });
      await page.locator('.line', { hasText: 'live-one' }).click();
      await page.getByLabel('One event').getByText('"a": 1').waitFor();
      await look(page, 'real-live');
      await page.locator('main').focus();
      await page.keyboard.press('Space');
      await rest.trigger('ticks-1', 'live-two', {});
      await page.getByText('Paused, 1 newer event').waitFor();
      assert.equal(await page.locator('.line', { hasText: 'live-two' }).count(), 0);
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.locator('.line', { hasText: 'live-two' }).waitFor();
      await page.getByLabel('Filter').fill('one');
      await page.locator('.line', { hasText: 'live-two' }).waitFor({ state: 'detached' });
      await page.locator('.line', { hasText: 'live-one' }).waitFor();
    });

    await t.test('publish: subscribers get it', async () => {
      await page.goto(`${origin}#/publish?app=shop`);
      await page.getByLabel('Channels').fill('presence-room');
      await page.getByLabel('Event', { exact: true }).fill('hello');
      await page.getByLabel('Data').fill('{"from":"console"}');
      await page.keyboard.press('Control+Enter');
      await page.getByText('1 receiver').waitFor();
      await room.expect(['hello', { from: 'console' }]);
      await look(page, 'real-publish');
      await page.getByLabel('Channels').fill('not a channel!');
      await page.getByRole('button', { name: 'Publish', exact: true }).click();
      await page.locator('main').getByRole('alert').waitFor();
    });

    await t.test('webhooks: what was given up is sent again', async () => {
      await page.goto(`${origin}#/webhooks`);
      await page.getByText('failing', { exact: true }).waitFor();
      await page.getByRole('button', { name: /-\d+$/ }).first().waitFor();
      await look(page, 'real-webhooks');
      receiver.content = true;
      await page.getByRole('button', { name: 'Replay all' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.getByText('Nothing was given up').waitFor();
      for (const end = Date.now() + patience; !receiver.deliveries.join().includes('presence-room');) {
        assert.ok(Date.now() < end, 'the dead letter was not sent again');
        await page.evaluate(() => new Promise(requestAnimationFrame));
      }
    });

    await t.test('connections: all of a user are ended', async (t) => {
      const bob = await connect(t, sdks[0], { at, app: shop, user: { id: 'bob' } });
      await bob.signIn();
      await page.goto(`${origin}#/connections?app=shop&user=bob`);
      await page.getByRole('link', { name: bob.socketId }).waitFor();
      await page.getByRole('button', { name: 'End all of this user' }).click();
      await page.getByRole('dialog').getByText('on all nodes').waitFor();
      await look(page, 'real-user-end');
      await page.getByRole('dialog').getByRole('button', { name: 'End them' }).click();
      await bob.states.until((state) => state === 'disconnected' || state === 'failed', 'the end of the connection');
      await page.getByText('No connection matches').waitFor();
      assert.equal(ann.state, 'connected');
    });

    await t.test('connections: one is looked at and closed', async () => {
      await page.goto(`${origin}#/connections?q=ann`);
      await page.getByRole('link', { name: ann.socketId }).click();
      await heading(new RegExp(ann.socketId.replace('.', '\\.')));
      await page.getByRole('link', { name: 'ticks-1' }).waitFor();
      await look(page, 'real-connection');
      await page.getByRole('button', { name: 'Close it' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
      assert.equal(ann.state, 'connected');
      await page.getByRole('button', { name: 'Close it' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Close the connection' }).click();
      await ann.states.until((state) => state === 'disconnected' || state === 'failed', 'the end of the connection');
      await page.goto(`${origin}#/connections`);
      await shows(page, 'Nobody is connected');
      await look(page, 'real-connections-none');
    });

    await t.test('cluster: this node is alone', async () => {
      await page.goto(`${origin}#/cluster`);
      await shows(page, 'This server is alone');
      await look(page, 'real-cluster');
    });

    await t.test('signing out ends it', async () => {
      await page.getByRole('button', { name: 'Sign out' }).click();
      await field.waitFor();
      await page.goto(`${origin}#/channels?app=shop`);
      await field.waitFor();
    });
  });
});
