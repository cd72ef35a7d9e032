// One headless Chromium for the tests of pages that Gannet serves: the console and the demos. It is hard to please: a test fails
// when one of its pages throws, complains in its console, asks another origin for anything, or is not accessible.
//
//   const browser = await Browser.start();        // in before(); browser.close() in after()
//   const alice = await browser.visitor(t);        // somebody with a storage of their own
//   const page = await alice.open(`${at}/demo/`);  // a Playwright page under watch
//   await accessible(page);                        // axe-core, in light and in dark
//   await picture(page, 'demo-chat');              // into screenshots/, which is not in git, when GANNET_E2E_PICTURES is set

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { patience, server } from './clients.mjs';
import { leaveFirst } from './process.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const folder = fileURLToPath(new URL('../screenshots/', import.meta.url));

/** Sizes of windows that pages must look well in. */
export const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

/** What Debian's Chromium needs to run as root, and not to ask its maker for anything. */
export const launch = {
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
};

export class Browser {
  /** Starts Chromium. */
  static async start() {
    const it = new Browser();
    it.chromium = await chromium.launch(launch);
    return it;
  }

  close() { return this.chromium?.close(); }

  /** A visitor with cookies and storage of their own, until the test ends. Options are those of Playwright's newContext. */
  async visitor(t, options = {}) {
    const context = await this.chromium.newContext({ viewport: sizes.desktop, colorScheme: 'light', reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(patience);
    leaveFirst(t, () => context.close());
    return new Visitor(t, context);
  }
}

class Visitor {
  constructor(t, context) { Object.assign(this, { t, context }); }

  /**
   * Opens an address, and watches over the page until the test ends. What the console may say although it is an error is told by
   * `allow`, a regular expression: the browser itself complains of each refused request, for example.
   */
  async open(url, { allow } = {}) {
    const page = await this.context.newPage();
    const complaints = [];
    const { origin } = new URL(url);
    const own = (address) => /^(data|blob|about):/.test(address) || new URL(address).origin.replace(/^ws/, 'http') === origin;
    page.on('pageerror', (error) => complaints.push(`threw ${error.stack ?? error}`));
    page.on('console', (message) => {
      const text = message.text();
      if (['error', 'warning'].includes(message.type()) && !allow?.test(text)) complaints.push(`console.${message.type()}: ${text}`);
    });
    page.on('request', (request) => { if (!own(request.url())) complaints.push(`asked for ${request.url()}`); });
    page.on('websocket', (socket) => { if (!own(socket.url())) complaints.push(`connected to ${socket.url()}`); });
    this.t.after(() => assert.deepEqual(complaints, [], `what went wrong in ${url}`));
    await page.goto(url);
    return page;
  }
}

/** Fails unless axe-core finds a page accessible, in light and in dark. The page keeps the last of both. */
export async function accessible(page, { schemes = ['dark', 'light'] } = {}) {
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme });
    // Not by a script tag: a strict Content-Security-Policy would refuse it, as it should.
    if (!await page.evaluate(() => Boolean(globalThis.axe))) await page.evaluate(await source());
    // A colour that is on its way to another is none that anybody has chosen.
    await page.evaluate(() => Promise.all(document.getAnimations().filter((each) => each instanceof CSSTransition).map((each) => each.finished.catch(() => {}))));
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `    ${node.html}\n    ${node.failureSummary}`).join('\n')}`);
    assert.deepEqual(found, [], `${page.url()} in ${colorScheme}`);
  }
}

/**
 * Watches for what a page shows for some seconds only, beginning before it does, and returns what waits until it was seen: who looks
 * again and again may look away just then.
 */
export async function goesBy(page, selector, pattern) {
  const seen = await page.evaluateHandle(([place, { source, flags }]) => {
    const element = document.querySelector(place);
    const it = { was: false };
    new MutationObserver(() => { it.was ||= new RegExp(source, flags).test(element.innerText); }).observe(element, { childList: true, characterData: true, subtree: true });
    return it;
  }, [selector, { source: pattern.source, flags: pattern.flags }]);
  return () => page.waitForFunction((it) => it.was, seen);
}

let text;
async function source() {
  text ??= await readFile(axe, 'utf8');
  return text;
}

/** Keeps a picture of what the window shows, for people to look at: when they are asked for. In another size or scheme: `{ size: sizes.phone, colorScheme: 'dark' }`, which are undone. */
export async function picture(page, name, { size, colorScheme, fullPage = false } = {}) {
  if (!server.pictures) return;
  await mkdir(folder, { recursive: true });
  const before = page.viewportSize();
  if (size) await page.setViewportSize(size);
  if (colorScheme) await page.emulateMedia({ colorScheme });
  await page.screenshot({ path: `${folder}${name}.png`, fullPage });
  if (size) await page.setViewportSize(before);
  if (colorScheme) await page.emulateMedia({ colorScheme: 'light' });
}

/** Pictures of a page in both sizes and both schemes: `name-desktop-light.png` and so on. */
export async function pictures(page, name) {
  for (const [wide, size] of Object.entries(sizes)) {
    for (const colorScheme of ['light', 'dark']) await picture(page, `${name}-${wide}-${colorScheme}`, { size, colorScheme, fullPage: wide === 'phone' });
  }
}
