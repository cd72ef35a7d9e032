import assert from 'node:assert/strict';
import { test } from 'node:test';

/** A window of which only the address is there; it tells of a change when the test lets it. */
const page = { hash: '#/channels?app=shop', tell: () => {} };
Object.assign(globalThis, {
  location: page,
  window: { addEventListener: (_: string, tell: () => void) => { page.tell = tell; } },
  history: { replaceState: (_: unknown, __: string, to: string) => { page.hash = to; } },
});
const { go, refine, route } = await import('./route');

test('what is typed last does not call back who is on the way elsewhere', () => {
  refine({ q: 'ticks' });
  assert.equal(page.hash, '#/channels?app=shop&q=ticks');
  assert.deepEqual(route.value, { path: ['channels'], query: { app: 'shop', q: 'ticks' } });
  page.hash = '#/connections'; // a link; the browser tells of it later
  refine({ q: 'ticks-A' });
  assert.equal(page.hash, '#/connections');
  page.tell();
  assert.deepEqual(route.value.path, ['connections']);
});

test('one is where a key leads at once', () => {
  go('#/apps');
  assert.deepEqual(route.value.path, ['apps']);
});
