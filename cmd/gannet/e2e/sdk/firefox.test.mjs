// The pages in another browser than the one that all else is tried in: Firefox, over WebDriver BiDi. Whether they run at all is asked here,
// and what they do in the tests of the console and the demos.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { patience } from './clients.mjs';
import { Process, configuration, leaveFirst } from './process.mjs';

let firefox;
before(async () => {
  firefox = await puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, timeout: 2 * patience, protocolTimeout: 2 * patience });
});
after(() => firefox?.close());

/** Opens an address, and fails the test when the page complains. */
async function open(t, url) {
  const page = await firefox.newPage();
  leaveFirst(t, () => page.close());
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`threw ${error}`));
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  t.after(() => assert.deepEqual(complaints, [], `what went wrong in ${url}`));
  page.setDefaultTimeout(patience);
  await page.goto(url);
  return page;
}

test('Firefox shows the demos and the console', { timeout: 8 * patience }, async (t) => {
  const gannet = await Process.start(t, await configuration(t, 0, 'drain_window: 100ms\n'), '--dev', '--admin-listen', '127.0.0.1:0');
  const at = `http://127.0.0.1:${gannet.port}/`;

  // Two windows, stock pusher-js in both: what one says the other hears.
  const ann = await open(t, `${at}demo/chat`);
  const ben = await open(t, `${at}demo/chat`);
  for (const page of [ann, ben]) await page.waitForFunction(() => document.querySelector('#count')?.textContent === '2 here');
  await ben.type('#text', 'Good morning');
  await ben.keyboard.press('Enter');
  await ann.waitForFunction(() => document.querySelector('.messages li:last-child .bubble')?.textContent.includes('Good morning'));

  // A history, conflation, resume.js as a module.
  const ticker = await open(t, `${at}demo/ticker`);
  await ticker.waitForFunction(() => document.querySelectorAll('.board li').length === 240);

  const page = await open(t, `http://${gannet.admin}/`);
  const shows = (...words) => page.waitForFunction((all) => all.every((word) => document.querySelector('main')?.innerText.includes(word)), {}, words);
  await shows('Connections', 'Publish to sent', 'Memory');
  await page.waitForFunction(() => document.querySelectorAll('canvas').length >= 6); // the charts
  for (const [place, ...words] of [['live', 'demo-ticker'], ['connections', '127.0.0.1'], ['channels?app=app-id', 'presence-demo-chat'], ['cluster', 'This server is alone']]) {
    await page.evaluate((to) => { location.hash = `#/${to}`; }, place);
    await shows(...words);
  }
});
