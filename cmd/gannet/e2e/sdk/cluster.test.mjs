// Two nodes of a cluster, each with a browser's window on it: the demos reach from one to the other, and the console of either shows both.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, accessible, goesBy, pictures } from './chromium.mjs';
import { patience } from './clients.mjs';
import { Process, configuration, port } from './process.mjs';

let browser;
before(async () => { browser = await Browser.start(); });
after(() => browser?.close());

/** Two development servers, connected by the NATS server inside the first. */
async function twoNodes(t) {
  const ports = [port(), port()];
  const nodes = [];
  for (const [i, own] of ports.entries()) {
    const settings = `drain_window: 100ms\ncluster: { driver: nats, node: n${i + 1}, nats: { listen: "127.0.0.1:${own}", routes: ["127.0.0.1:${ports[0]}"] } }\n`;
    const node = await Process.start(t, await configuration(t, 0, settings), '--dev', '--admin-listen', '127.0.0.1:0');
    node.at = `http://127.0.0.1:${node.port}/`;
    nodes.push(node);
  }
  return nodes;
}

async function visit(t, url) {
  const page = await (await browser.visitor(t)).open(url);
  await page.locator('.state[data-state="connected"]').waitFor();
  return page;
}

/** Waits until what a page says matches. */
async function says(page, selector, pattern) {
  let text;
  for (const end = Date.now() + patience; Date.now() < end; await page.waitForTimeout(50)) {
    text = await page.locator(selector).first().innerText().catch(() => '');
    if (pattern.test(text)) return text;
  }
  assert.fail(`${page.url()}: ${selector} says ${JSON.stringify(text)}, want ${pattern}`);
}

test('demos reach from node to node, and the console of each shows both', async (t) => {
  const [first, second] = await twoNodes(t);

  await t.test('chat', async (t) => {
    const ann = await visit(t, `${first.at}demo/chat`);
    const ben = await visit(t, `${second.at}demo/chat`);
    await ann.fill('#name', 'Ann');
    await ann.press('#name', 'Enter');
    await says(ben, '#members', /Ann/);
    for (const page of [ann, ben]) await says(page, '#count', /^2 here$/);
    const typed = await goesBy(ann, '#typing', /is typing…$/);
    await ben.locator('#text').pressSequentially('Hi');
    await typed();
    await ben.press('#text', 'Enter');
    await says(ann, '.messages li:last-child .bubble', /Hi/);
    await ann.fill('#text', 'From the other node');
    await ann.press('#text', 'Enter');
    await says(ben, '.messages li:last-child .bubble', /^Ann · [0-9:]+\s+From the other node/);
    await ben.close();
    await says(ann, '#count', /^1 here$/);
  });

  await t.test('cursors', async (t) => {
    const one = await visit(t, `${first.at}demo/cursors`);
    const other = await visit(t, `${second.at}demo/cursors`);
    await says(one, '#count', /^One other is here\.$/);
    const box = await one.locator('#field').boundingBox();
    await one.mouse.move(box.x + box.width / 4, box.y + box.height / 2);
    await other.waitForFunction(() => Math.abs((document.querySelector('.cursor:not(.mine)')?.at[0] ?? 0) - 0.25) < 0.01);
    await one.close();
    await says(other, '#count', /^You are alone here\.$/);
  });

  await t.test('snake and notices', async (t) => {
    const players = [await visit(t, `${first.at}demo/snake`), await visit(t, `${second.at}demo/snake`)];
    for (const page of players) await page.locator('#scores li').nth(1).waitFor();
    const ada = await visit(t, `${first.at}demo/notices?as=demo-ada`);
    const bo = await visit(t, `${second.at}demo/notices?as=demo-bo`);
    await ada.locator('[data-id="demo-bo"].online').waitFor();
    await bo.selectOption('#to', 'demo-ada');
    await bo.fill('#text', 'Lunch?');
    await bo.click('text=Tell them');
    await says(ada, '#inbox li', /^Bo · [0-9:]+\s+Lunch\?$/);
  });

  await t.test('one ticker for all, which the node that is longest there runs for others, too', async (t) => {
    const there = await visit(t, `${second.at}demo/ticker`);
    await says(there, '#received', /^[1-9][0-9]* \/s$/);
    const here = await visit(t, `${first.at}demo/ticker`);
    await says(here, '#received', /^[1-9][0-9]* \/s$/);
    const published = async (node) => node.metric('gannet_node_publishes_total{source="rest"}');
    const before = [await published(first), await published(second)];
    for (const end = Date.now() + patience; Date.now() < end && await published(first) < before[0] + 600;) await here.waitForTimeout(50);
    assert.ok(await published(first) >= before[0] + 600, 'the first node does not tick');
    assert.equal(await published(second), before[1], 'the second node ticks, too');
  });

  await t.test('answers', async (t) => {
    const page = await visit(t, `${first.at}demo/answers`);
    await page.locator('#asks button').nth(1).click();
    await says(page, '#progress', /^[1-9][0-9]* of/);
    const late = await visit(t, `${second.at}demo/answers${new URL(page.url()).search}`);
    for (const each of [page, late]) await says(each, '#diary', /The answer is whole: ([0-9]+) of \1 tokens/);
    assert.equal(await late.locator('#text').innerText(), await page.locator('#text').innerText());
  });

  await t.test('the console', async (t) => {
    const chat = await visit(t, `${first.at}demo/chat`);
    const console = `http://${second.admin}/`;
    const page = await (await browser.visitor(t)).open(console, { allow: /404 \(Not Found\)/ });
    const main = page.locator('main');

    await page.goto(`${console}#/cluster`);
    for (const name of ['n1', 'n2']) await main.getByRole('row', { name: new RegExp(`^${name} .*alive.*MiB`) }).waitFor();
    await accessible(page);
    await pictures(page, 'console-cluster-real');

    await page.goto(`${console}#/live?channel=presence-demo-chat&types=client_event`);
    await main.getByText('0 events').waitFor();
    // A wish is heard after a moment, so words are said until one is seen.
    const line = page.locator('.line[role=option]').filter({ hasText: 'client-message' }).filter({ hasText: 'n1' }).first();
    for (const end = Date.now() + patience; Date.now() < end && !await line.isVisible();) {
      await chat.fill('#text', 'Anybody there?');
      await chat.press('#text', 'Enter');
      await page.waitForTimeout(500);
    }
    await line.waitFor();
    await pictures(page, 'console-live-real');

    // A connection of the other node: found, with the way there, and closed from here.
    const { connections: [{ socket_id: id }] } = await (await fetch(`http://${first.admin}/api/connections?channel=presence-demo-chat`)).json();
    await page.goto(`${console}#/connections?q=${id}`);
    assert.equal(await main.getByRole('link', { name: 'n1' }).getAttribute('href'), `http://${first.admin}/#/connections/${id}`);
    await accessible(page);
    await main.getByRole('link', { name: 'can be closed from here' }).click();
    await main.getByText('This is a connection of node n1').waitFor();
    await accessible(page);
    await main.getByRole('button', { name: 'Close it' }).click();
    await page.getByRole('dialog').getByText('4009: stay away').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close the connection' }).click();
    await page.getByRole('status').getByText(`Node n1 closes ${id} with 4009`).waitFor();
    await chat.locator('.state:not([data-state="connected"])').waitFor();

    // The same place on the other node's console, which is another origin: nothing that a page under watch may go to.
    const wanderer = await (await browser.visitor(t)).context.newPage();
    await wanderer.goto(`${console}#/channels`);
    await wanderer.getByLabel('Node', { exact: true }).selectOption('n1');
    await wanderer.waitForURL(`http://${first.admin}/#/channels`);
    await wanderer.getByRole('heading', { name: 'Channels' }).waitFor();
  });
});
