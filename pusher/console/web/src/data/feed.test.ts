import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveEvent } from '../api/types';
import { Feed, matches, visible } from './feed';

const event = (n: number, more: Partial<LiveEvent> = {}): LiveEvent => ({ type: 'publish', time: n, app: '1', channel: `c${n}`, event: 'e', ...more });
const times = (feed: Feed, text = '') => feed.lines(text).map(({ time }) => time);

test('the newest line is the first', () => {
  const feed = new Feed(3);
  for (let n = 1; n <= 5; n++) feed.push(event(n));
  assert.deepEqual(times(feed), [5, 4, 3]);
  assert.equal(feed.forgotten, 2);
  assert.equal(feed.total, 5);
});

test('what is held stays, and what comes meanwhile is there afterwards', () => {
  const feed = new Feed(3);
  feed.push(event(1));
  feed.push(event(2));
  feed.hold();
  for (let n = 3; n <= 6; n++) feed.push(event(n));
  feed.hold(); // again changes nothing
  assert.deepEqual(times(feed), [2, 1]);
  assert.equal(feed.newer, 4);
  assert.equal(feed.holding, true);
  feed.release();
  assert.deepEqual(times(feed), [6, 5, 4]);
  assert.equal(feed.newer, 0);
});

test('a filter holds for all words, in any of the texts', () => {
  const feed = new Feed();
  feed.push(event(1, { channel: 'orders', data: '{"Price":12}' }));
  feed.push(event(2, { channel: 'orders', data: '{"size":1}' }));
  feed.push({ type: 'error', time: 3, app: '1', socket_id: '1.2', message: 'price orders' });
  assert.deepEqual(times(feed, ' price  ORDERS '), [3, 1]);
  assert.deepEqual(times(feed, 'nowhere'), []);
  assert.equal(matches(event(1), []), true);
});

test('a filter leaves what is kept alone', () => {
  const feed = new Feed();
  feed.push(event(1));
  feed.push(event(2));
  assert.deepEqual(times(feed, 'c1'), [1]);
  assert.deepEqual(times(feed), [2, 1]);
  assert.deepEqual(times(feed), [2, 1]);
});

test('what the server left out is summed over its streams', () => {
  const feed = new Feed();
  feed.stats({ time: 1, shown: 10, left_out: 3 });
  feed.stats({ time: 2, shown: 20, left_out: 5 });
  feed.restart();
  assert.equal(feed.leftOut, 5);
  feed.stats({ time: 3, shown: 1, left_out: 2 });
  assert.equal(feed.leftOut, 7);
});

test('clearing begins from nothing while the stream goes on', () => {
  const feed = new Feed(2);
  for (let n = 1; n <= 3; n++) feed.push(event(n));
  feed.stats({ time: 1, shown: 3, left_out: 4 });
  feed.hold();
  feed.clear();
  assert.deepEqual([times(feed), feed.leftOut, feed.forgotten, feed.holding, feed.total], [[], 0, 0, false, 0]);
  feed.stats({ time: 2, shown: 3, left_out: 6 });
  assert.equal(feed.leftOut, 2);
});

test('only rows in sight are drawn, with some beyond', () => {
  assert.deepEqual(visible(1000, 28, 0, 560), { from: 0, to: 28 });
  assert.deepEqual(visible(1000, 28, 2800, 560), { from: 92, to: 128 });
  assert.deepEqual(visible(10, 28, 0, 560), { from: 0, to: 10 });
  assert.deepEqual(visible(0, 28, 900, 560), { from: 0, to: 0 });
  // The list has become shorter than where one had scrolled to.
  assert.deepEqual(visible(10, 28, 28_000, 560), { from: 2, to: 10 });
});
