// Stock pusher-js and Echo in a real browser, then with resume.js as the server serves it, and in workers. One Chromium for all.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { launch } from './chromium.mjs';
import { Log, address, authorize, backend, fresh, server } from './clients.mjs';
import { Relay } from './relay.mjs';

const app = server.apps.lasting;
const rest = backend(app);
const token = authorize(app, { user_id: 'alice', user_info: { name: 'Alice' } });
const origin = `http://${server.host}:${server.port}`; // of Gannet; pages come from elsewhere

const packages = new URL('../node_modules/', import.meta.url);
const versions = [
  { name: 'pusher-js 8.6.0', folder: 'pusher-js-8', worker: true },
  { name: 'pusher-js 7.6.0', folder: 'pusher-js-7' }, // its worker build cannot start: it asks for window
  { name: 'pusher-js 4.4.0', folder: 'pusher-js-4', worker: true },
];

/** A server of pages, of the files of packages, and of authorizations as backends give them. */
const site = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://site');
  const reply = (type, body) => response.setHeader('Content-Type', type).end(body);
  try {
    if (pathname === '/page') return reply('text/html', '<!doctype html><meta charset="utf-8"><title>test</title>');
    if (pathname === '/pusher/auth') {
      let body = '';
      for await (const chunk of request) body += chunk;
      const form = new URLSearchParams(body);
      return reply('application/json', JSON.stringify(token(form.get('socket_id'), form.get('channel_name'))));
    }
    reply('text/javascript', await readFile(new URL(pathname.slice(1), packages)));
  } catch {
    response.writeHead(404).end();
  }
});

let browser;
let context;
before(async () => {
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  browser = await chromium.launch(launch);
  context = await browser.newContext();
});
after(async () => {
  await browser?.close();
  site.closeAllConnections();
  site.close();
});

/** Runs in the page or worker: joins channels, and says what happens to say. */
function join({ key, options, names, say }) {
  const pusher = new self.Pusher(key, options);
  pusher.connection.bind('state_change', ({ current }) => say(['state', current]));
  for (const name of names) pusher.subscribe(name).bind_global((event, data) => say([name, event, event === 'e' ? data : data?.reason ?? null]));
  self.pusher = pusher;
}

/** A page of the site with scripts, and the logs of its channels. */
async function open(t, scripts, at, names, { worker, module } = {}) {
  const page = await context.newPage();
  t.after(() => page.close());
  const states = new Log('states');
  const logs = new Map(names.map((name) => [name, new Log(name)]));
  await page.exposeFunction('say', ([name, ...what]) => (logs.get(name)?.push(what) ?? states.push(what[0])));
  const failures = [];
  page.on('pageerror', (error) => failures.push(error));
  t.after(() => assert.deepEqual(failures, []));
  const home = `http://127.0.0.1:${site.address().port}`;
  const where = (path) => new URL(path, home).href;
  await page.goto(where('/page'));
  const options = { ...address(at), authEndpoint: where('/pusher/auth') };
  if (worker) {
    const code = `importScripts(${scripts.map((path) => JSON.stringify(where(path)))});
      if (self.GannetResume) GannetResume(Pusher);
      (${join})({ key: ${JSON.stringify(app.key)}, options: ${JSON.stringify(options)}, names: ${JSON.stringify(names)}, say: (what) => postMessage(what) });`;
    await page.evaluate((text) => {
      const it = new Worker(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
      it.onmessage = ({ data }) => self.say(data);
      it.onerror = ({ message }) => { throw new Error(message); };
    }, code);
  } else {
    for (const path of scripts) await page.addScriptTag({ url: where(path) });
    if (module) await page.evaluate(async (from) => { (await import(from)).default(self.Pusher); }, module);
    await page.evaluate(() => self.GannetResume?.(self.Pusher));
    await page.evaluate(`(${join})({ key: ${JSON.stringify(app.key)}, options: ${JSON.stringify(options)}, names: ${JSON.stringify(names)}, say: self.say })`);
  }
  return { page, states, logs: names.map((name) => logs.get(name)) };
}

const publish = async (names, from, to = from) => {
  for (let n = from; n <= to; n++) await rest.trigger(names, 'e', n);
};
const events = (from, to = from) => Array.from({ length: to - from + 1 }, (_, i) => ['e', from + i]);
const joined = ['pusher:subscription_succeeded', null];

describe('in a browser', { concurrency: 4 }, () => {
  /** What is missed while the network is away comes after it, in order and once; where there is too little of it, it is said. */
  async function outage(t, scripts, how) {
    const relay = await Relay.start(t);
    const names = [fresh('open'), fresh('private-desk'), fresh('brief')];
    const { states, logs } = await open(t, scripts, relay.at, names, how);
    const [one, secret, brief] = logs;
    for (const log of logs) await log.expect(joined);
    await publish(names, 1, 2);
    for (const log of logs) await log.expect(...events(1, 2));
    await states.until((state) => state === 'connected');
    relay.down();
    await states.next('the loss of the connection');
    await publish(names, 3, 8);
    const meanwhile = publish(names.slice(0, 2), 9, 12);
    relay.up();
    for (const log of [one, secret]) await log.expect(joined, ['pusher:resume_recovered', null], ...events(3, 12));
    await brief.expect(joined, ['pusher:resume_gap', 'expired']);
    await meanwhile;
    await publish(names, 13);
    for (const log of logs) await log.expect(...events(13));
  }

  for (const { name, folder, worker } of versions) {
    const script = `/${folder}/dist/web/pusher.min.js`;

    test(`stock ${name} works, and sees nothing of positions`, async (t) => {
      const names = [fresh('open'), fresh('private-desk'), fresh('presence-room')];
      const { logs } = await open(t, [script], server, names);
      for (const log of logs) await log.expect(joined);
      await publish(names, 1, 3);
      for (const log of logs) await log.expect(...events(1, 3));
    });

    test(`${name} goes on where it was`, (t) => outage(t, [script, `${origin}/resume.js`]));

    if (worker) {
      test(`${name} goes on where it was in a worker`, (t) => outage(t, [`/${folder}/dist/worker/pusher.worker.min.js`, `${origin}/resume.js`], { worker: true }));
    }
  }

  test('the module does the same', (t) => outage(t, ['/pusher-js-8/dist/web/pusher.min.js'], { module: `${origin}/resume.mjs` }));

  test('pusher-js with encryption decrypts what it missed', async (t) => {
    const relay = await Relay.start(t);
    const names = [fresh('private-encrypted-vault')];
    const { logs: [log], states } = await open(t, ['/pusher-js-8/dist/web/pusher-with-encryption.min.js', `${origin}/resume.js`], relay.at, names);
    await log.expect(joined);
    await states.until((state) => state === 'connected');
    relay.down();
    await states.next('the loss of the connection');
    await publish(names[0], 1, 3);
    relay.up();
    await log.expect(joined, ['pusher:resume_recovered', null], ...events(1, 3));
  });

  test('Echo goes on where it was', async (t) => {
    const relay = await Relay.start(t);
    const { page } = await open(t, ['/pusher-js-8/dist/web/pusher.min.js', '/laravel-echo/dist/echo.iife.js', `${origin}/resume.js`], relay.at, []);
    const log = new Log('events of Echo');
    await page.exposeFunction('tell', (what) => log.push(what));
    const name = fresh('orders');
    await page.evaluate(({ key, options, channel }) => {
      const echo = new self.Echo.default({ broadcaster: 'reverb', key, ...options, wssPort: options.wsPort });
      echo.connector.onConnectionChange?.((state) => self.tell(state));
      echo.channel(channel).subscribed(() => self.tell('subscribed')).listen('.e', (n) => self.tell(n)).listen('.pusher:resume_recovered', () => self.tell('recovered'));
    }, { key: app.key, options: address(relay.at), channel: name });
    await log.until((what) => what === 'subscribed');
    relay.down();
    await publish(name, 1, 3);
    relay.up();
    const rest = [];
    while (rest.length < 4) rest.push(await log.until((what) => what === 'recovered' || typeof what === 'number'));
    assert.deepEqual(rest, ['recovered', 1, 2, 3]);
  });
});
