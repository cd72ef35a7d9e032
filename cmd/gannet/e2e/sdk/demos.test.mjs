// The demos that `gannet serve --dev` shows, each clicked through by two visitors in Chromium. The harness fails them when a page throws,
// complains, asks another origin for anything or is not accessible; pictures of all of them go to screenshots/ when they are wanted.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { Browser, accessible, goesBy, pictures, sizes } from './chromium.mjs';
import { PusherServer, patience } from './clients.mjs';
import { Process, configuration } from './process.mjs';

let browser;
before(async () => { browser = await Browser.start(); });
after(() => browser?.close());

/** A development server, and where its pages are. */
async function develop(t, settings = 'drain_window: 200ms\n') {
  const gannet = await Process.start(t, await configuration(t, 0, settings), '--dev', '--admin-listen', '127.0.0.1:0');
  gannet.at = `http://127.0.0.1:${gannet.port}/`;
  return gannet;
}

/** Opens a page as somebody new, and waits until it is connected. */
async function visit(t, url, { options, ...how } = {}) {
  const page = await (await browser.visitor(t, options)).open(url, how);
  await page.locator('.state[data-state="connected"]').waitFor();
  return page;
}

/** Two visitors of one page. */
const two = async (t, url) => [await visit(t, url), await visit(t, url)];

/** Waits until what a page says matches, and returns the match. */
async function says(page, selector, pattern) {
  const place = page.locator(selector);
  let text;
  for (const end = Date.now() + patience; Date.now() < end; await page.waitForTimeout(50)) {
    text = await place.first().innerText().catch(() => '');
    const match = text.match(pattern);
    if (match) return match;
  }
  assert.fail(`${page.url()}: ${selector} says ${JSON.stringify(text)}, want ${pattern}`);
}

/** The frame log has a frame of that direction and name. */
const frame = (page, way, name) => page.locator(`.frames .${way}`).filter({ has: page.locator('.name', { hasText: new RegExp(`^${name}$`) }) }).first().waitFor();

const number = (text) => Number(text.replaceAll(',', ''));

describe('demos', { concurrency: 2 }, () => {
  test('the index leads to all of them, and counts its windows', async (t) => {
    const { at } = await develop(t);
    const page = await visit(t, at);
    await says(page, '.live', /^1 window is open/);
    const other = await visit(t, at);
    await says(page, '.live', /^2 windows are open/);
    await other.close();
    await says(page, '.live', /^1 window is open/);
    assert.equal(await page.locator('.doors a').count(), 6);
    await pictures(page, 'demo-index');
    await accessible(page);
    for (const name of ['chat', 'ticker', 'cursors', 'answers', 'notices', 'snake']) {
      await page.locator(`.doors a[href="demo/${name}"]`).click();
      await page.locator('.state[data-state="connected"]').waitFor();
      assert.equal(await page.locator('nav a[aria-current="page"]').getAttribute('href'), `../demo/${name}`);
      await page.locator('.source summary').click();
      await says(page, '.source pre', /new Pusher\(key/);
      await page.locator('.brand').click();
      await page.waitForURL(at);
    }
  });

  test('chat: who is here, what they say, and that they type', async (t) => {
    const { at } = await develop(t);
    const [ann, ben] = await two(t, `${at}demo/chat`);
    await ann.fill('#name', 'Ann');
    await ann.press('#name', 'Enter');
    await says(ben, '#members', /^(?=[^]*Ann)(?=[^]*\(you\))/);
    await says(ben, '#count', /^2 here$/);
    const typed = await goesBy(ann, '#typing', /is typing…$/);
    await ben.locator('#text').pressSequentially('Hi');
    await typed();
    const hostile = '<img src=x onerror=alert(1)> & "quotes" \u2028 \u{1F600}';
    await ben.fill('#text', hostile);
    await ben.press('#text', 'Enter');
    await says(ann, '.messages li:last-child .bubble', /<img src=x onerror=alert\(1\)> & "quotes"/);
    assert.equal(await ann.locator('.messages img').count(), 0);
    await says(ann, '#typing', /^$/);
    await says(ben, '.messages .mine', /<img src=x/);
    await ann.fill('#text', 'Good morning! Is the ferry on time?');
    await ann.click('text=Send');
    await says(ben, '.messages li:last-child .bubble', /^Ann · [0-9:]+\s+Good morning/);
    await frame(ben, 'out', 'client-message');
    await frame(ben, 'in', 'client-message');
    await pictures(ann, 'demo-chat');
    await accessible(ann);
    await ben.close();
    await says(ann, '.messages li:last-child', /has left$/);
    await says(ann, '#count', /^1 here$/);
  });

  test('ticker: everybody gets each quote, a slow tab the newest of each symbol, and one that was away what it missed', async (t) => {
    const { at } = await develop(t);
    const [slow, quick] = await two(t, `${at}demo/ticker`);
    await says(quick, '#received', /^[1-9][0-9]+ \/s$/);
    for (const page of [slow, quick]) await page.locator('.board li').nth(239).waitFor(); // all of them at once: from the keyed cache
    await pictures(quick, 'demo-ticker');
    await accessible(quick);

    await slow.fill('#slow', '6');
    await says(slow, '#left', /^[1-9]/);
    await says(slow, '#diary', /Too slow: the server left out [0-9,]+ quotes/);
    await slow.close(); // on a slow machine it has no time left to hear that it shall be quick again

    await quick.click('#cut');
    await says(quick, '.state', /^disconnected$/);
    await says(quick, '#diary', /The line is cut/);
    const [, missed] = await says(quick, '#diary', /([0-9,]+) quotes came since, each once and in order/);
    assert.ok(number(missed) > 300, `${missed} quotes were replayed after three seconds of hundreds each`);
    await says(quick, '#diary', /Recovered/);
    await pictures(quick, 'demo-ticker-recovered');
  });

  test('ticker: who was away for too long is told of a gap, and has the newest of each symbol', async (t) => {
    const gannet = await develop(t);
    // Forty seconds are made of time that the page is made to believe in, and of as many quotes as come in forty seconds.
    const visitor = await browser.visitor(t);
    await visitor.context.clock.install();
    const page = await visitor.open(`${gannet.at}demo/ticker`);
    await page.locator('.board li').nth(239).waitFor();
    await page.click('#long');
    await says(page, '.state', /^disconnected$/);
    await says(page, '#diary', /The line is cut for 40 s/);
    const backend = new PusherServer({ appId: 'app-id', key: 'app-key', secret: 'app-secret', host: '127.0.0.1', port: String(gannet.port) });
    const quote = JSON.stringify({ open: 1, at: Date.now(), line: Array(16).fill(1.5) });
    const batch = Array.from({ length: 10 }, () => ({ channel: 'demo-ticker', name: 'ALBO', data: quote }));
    for (let sent = 0; sent < 13_000; sent += 200) await Promise.all(Array.from({ length: 20 }, () => backend.triggerBatch(batch)));
    await page.clock.fastForward(40_000);
    await says(page, '.state', /^connected$/);
    await says(page, '#diary', /A gap \(expired\): too much was missed\. The newest quote of each symbol follows\./);
    assert.doesNotMatch(await page.locator('#diary').innerText(), /Recovered/);
    await says(page, '#received', /^[1-9][0-9]* \/s$/);
  });

  test('cursors: everybody sees the pointers of the others', async (t) => {
    const { at } = await develop(t);
    const [one, other] = await two(t, `${at}demo/cursors`);
    await says(one, '#count', /^One other is here\.$/);
    const box = await one.locator('#field').boundingBox();
    const where = () => other.locator('.cursor:not(.mine)').evaluate((element) => element.at);
    await one.mouse.move(box.x + box.width / 4, box.y + box.height / 2);
    for (const end = Date.now() + patience; Date.now() < end; await other.waitForTimeout(50)) {
      await other.locator('.cursor:not(.mine)').waitFor();
      const [x, y] = await where();
      if (Math.abs(x - 0.25) < 0.01 && Math.abs(y - 0.5) < 0.01) break;
    }
    assert.ok(Math.abs((await where())[0] - 0.25) < 0.01, `the pointer is at ${await where()}`);
    await one.locator('#field').press('ArrowRight');
    await other.waitForFunction(() => document.querySelector('.cursor:not(.mine)').at[0] > 0.265);
    const ripples = await other.evaluateHandle(() => {
      const seen = { any: false };
      new MutationObserver((changes) => { seen.any ||= changes.some(({ addedNodes }) => [...addedNodes].some((node) => node.className === 'ripple')); }).observe(document.querySelector('#field'), { childList: true });
      return seen;
    });
    await one.locator('#field').press(' ');
    await other.waitForFunction((seen) => seen.any, ripples);
    await other.locator('#field').hover({ position: { x: 300, y: 120 } });
    await one.locator('.cursor:not(.mine)').waitFor();
    await pictures(other, 'demo-cursors');
    await accessible(other);
    await one.close();
    await other.locator('.cursor:not(.mine)').waitFor({ state: 'detached' });
    await says(other, '#count', /^You are alone here\.$/);
  });

  test('answers: who comes late gets the whole text, and who is cut off goes on', async (t) => {
    const { at } = await develop(t);
    const first = await visit(t, `${at}demo/answers`);
    await first.locator('#asks button').nth(1).click();
    await says(first, '#progress', /^[2-9][0-9] of/);
    assert.match(first.url(), /\?answer=[0-9a-f]{16}$/);
    // The late one begins with what was written before it came, and says so.
    const late = await visit(t, first.url());
    await says(late, '#progress', /of [0-9]+ tokens, [1-9][0-9]* of them replayed/);
    await first.click('#cut');
    await says(first, '#diary', /The line is cut/);
    await says(first, '#diary', /Recovered: what came after .* follows/);
    await first.locator('.answer .again').first().waitFor(); // a busy machine gets several pieces late
    await pictures(first, 'demo-answers');
    await accessible(first);
    for (const page of [first, late]) {
      const [, count, total] = await says(page, '#diary', /The answer is whole: ([0-9]+) of ([0-9]+) tokens/);
      assert.equal(count, total);
    }
    // All three have the same text: the third comes when nobody writes any more.
    const last = await visit(t, first.url());
    await says(last, '#diary', /The answer is whole/);
    const text = await first.locator('#text').innerText();
    assert.match(text, /^Phones change[^]*and then catch up\.$/);
    for (const page of [late, last]) assert.equal(await page.locator('#text').innerText(), text);
    await frame(last, 'in', 'end');
  });

  test('notices: to one user, wherever they are, and who is online', async (t) => {
    const { at } = await develop(t);
    const ada = await visit(t, `${at}demo/notices?as=demo-ada`);
    const phone = await visit(t, `${at}demo/notices?as=demo-ada`, { options: { viewport: sizes.phone } });
    const bo = await visit(t, `${at}demo/notices?as=demo-bo`);
    await ada.locator('[data-id="demo-bo"].online').waitFor();
    await bo.locator('[data-id="demo-ada"].online').waitFor();
    await ada.locator('[data-id="demo-chidi"].offline').waitFor();
    await bo.selectOption('#to', 'demo-ada');
    await bo.fill('#text', 'Lunch at <b>noon</b>?');
    await bo.click('text=Tell them');
    for (const page of [ada, phone]) await says(page, '#inbox li', /^Bo · [0-9:]+\s+Lunch at <b>noon<\/b>\?$/);
    await says(bo, '#inbox', /^Notices to you come here\.$/);
    await pictures(ada, 'demo-notices');
    await accessible(ada);
    await bo.close();
    await ada.locator('[data-id="demo-bo"].offline').waitFor();
  });

  test('snake: two play, and each sees the other move', async (t) => {
    const { at } = await develop(t);
    // Steering changes what we tell. Alone there is nobody to run into, which would turn us, too.
    const one = await visit(t, `${at}demo/snake`);
    await frame(one, 'out', 'client-snake');
    const turned = async (key, axis) => {
      await one.locator('#sea').press(key);
      await one.waitForFunction((i) => {
        const [a, b] = [...document.querySelectorAll('.frames .out .data')].slice(0, 1).map((each) => JSON.parse(each.textContent.match(/\[\[[0-9]+,[0-9]+\],\[[0-9]+,[0-9]+\]/)[0] + ']')).flat();
        return a[1 - i] === b[1 - i] && a[i] !== b[i];
      }, axis);
    };
    await turned('ArrowUp', 1);
    await turned('ArrowLeft', 0);
    // What the other tells comes.
    const other = await visit(t, `${at}demo/snake`);
    for (const page of [one, other]) await page.locator('#scores li').nth(1).waitFor();
    await frame(one, 'in', 'client-snake');
    await one.click('[data-turn="down"]');
    await pictures(one, 'demo-snake');
    await accessible(one);
    await other.close();
    await one.locator('#scores li').nth(1).waitFor({ state: 'detached' });
  });

  test('whatever strangers send, the pages stand it', async (t) => {
    const { at } = await develop(t);
    const stranger = await visit(t, at);
    /** Joins a page's channel as somebody else, waits until the page is there, and sends what no page sends, one good event last. */
    const send = (channel, events) => stranger.evaluate(async ([name, all]) => {
      const { here } = await import('/demo/shell.js');
      const pusher = new self.Pusher('app-key', { ...here, channelAuthorization: { endpoint: '/demo/auth', params: { user: 'stranger', name: 'Stranger' } } });
      const room = pusher.subscribe(name);
      await new Promise((both) => {
        for (const comes of ['pusher:subscription_succeeded', 'pusher:member_added']) room.bind(comes, () => { if (room.members.count > 1) both(); });
      });
      for (const [event, data] of all) room.trigger(event, data);
    }, [channel, events]);
    const bad = [null, 7, 'text', [], { x: { toString: 1 }, text: { toString: 1 }, body: { length: 3 }, score: { valueOf: 1 } }, { x: -1e9, y: '0', text: '', body: [[1]], eaten: 1e300 }];
    const all = (event) => bad.map((data) => [event, data]);

    const chat = await visit(t, `${at}demo/chat`);
    await send('presence-demo-chat', [...all('client-message'), ['client-typing', null], ['client-message', { text: `${'long '.repeat(200)}end` }], ['client-message', { text: 'good' }]]);
    await says(chat, '.messages li:last-child .bubble', /^Stranger · [0-9:]+\s+good$/);
    assert.ok(!(await chat.locator('.messages').innerText()).includes('end'), 'a message is shown that is too long');

    const cursors = await visit(t, `${at}demo/cursors`);
    await send('presence-demo-cursors', [...all('client-move'), ['client-ping', { x: 2, y: 2 }], ['client-move', { x: 0.5, y: 0.25 }]]);
    await cursors.waitForFunction(() => document.querySelector('.cursor[data-id="stranger"]')?.at.join() === '0.5,0.25');

    const snake = await visit(t, `${at}demo/snake`);
    await send('presence-demo-snake', [...all('client-snake'), ['client-snake', { body: [[1, 1], [2, 1]], score: 41, eaten: 3 }]]);
    await says(snake, '#scores', /Stranger\s+41/);
  });

  test('a server below a path has them there', async (t) => {
    const { at } = await develop(t, 'drain_window: 200ms\npath_prefix: /realtime\n');
    const page = await visit(t, `${at}realtime`);
    assert.equal(page.url(), `${at}realtime/`);
    await says(page, '.live', /^1 window is open/);
    await page.locator('.doors a[href="demo/ticker"]').click();
    await says(page, '#received', /^[1-9][0-9]* \/s$/);
  });

  test('no other server has them', async (t) => {
    const gannet = await Process.start(t, await configuration(t, 0));
    const at = `http://127.0.0.1:${gannet.port}`;
    const html = { headers: { Accept: 'text/html' } };
    assert.equal(await (await fetch(`${at}/`, html)).text(), 'OK');
    for (const path of ['/demo/chat', '/demo/server.js', '/demo/']) assert.equal((await fetch(at + path, html)).status, 404, path);
    assert.equal((await fetch(`${at}/demo/auth`, { method: 'POST', body: new URLSearchParams({ socket_id: '1.2', channel_name: 'private-demo-x' }) })).status, 404);
  });

  test('pusher-js in them is that of its package', async () => {
    const site = new URL('../../../../pusher/demo/site/pusher-js-8.6.0/', import.meta.url);
    const packaged = new URL('../node_modules/pusher-js-8/', import.meta.url);
    for (const [ours, theirs] of [['pusher.min.js', 'dist/web/pusher.min.js'], ['pusher.min.js.LICENSE.txt', 'dist/web/pusher.min.js.LICENSE.txt'], ['LICENCE', 'LICENCE']]) {
      assert.ok((await readFile(new URL(ours, site))).equals(await readFile(new URL(theirs, packaged))), `${ours} is not ${theirs} of the package`);
    }
  });
});
