import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timeline } from '../api/types';
import { broken, extend, latest, most } from './timeline';

const line = (at: number[], connections = at, every = 2000) => ({ every_ms: every, at, connections }) as unknown as Timeline;

test('new moments go behind those that are there', () => {
  const got = extend(line([2000, 4000]), line([6000, 8000]));
  assert.deepEqual(got, line([2000, 4000, 6000, 8000]));
});

test('the first answer is taken as it is', () => {
  assert.deepEqual(extend(null, line([2000])), line([2000]));
});

test('an answer without moments changes nothing', () => {
  const have = line([2000, 4000]);
  assert.equal(extend(have, line([])), have);
});

test('what comes twice is there once, as it came last', () => {
  const got = extend(line([2000, 4000], [1, 2]), line([4000, 6000], [20, 30]));
  assert.deepEqual(got, line([2000, 4000, 6000], [1, 20, 30]));
});

test('a clock that goes back begins a new line', () => {
  assert.deepEqual(extend(line([20_000, 22_000]), line([2000, 4000])), line([2000, 4000]));
});

test('another step begins a new line', () => {
  const next = line([30_000], [1], 5000);
  assert.deepEqual(extend(line([20_000]), next), next);
});

test('no more is kept than the server keeps', () => {
  let have: Timeline | null = null;
  for (let n = 1; n <= most + 30; n++) have = extend(have, line([n * 2000]));
  assert.equal(have?.at.length, most);
  assert.equal(have?.connections.length, most);
  assert.equal(have?.at[0], 31 * 2000);
});

test('a hole breaks the lines, a late moment does not', () => {
  const got = broken([2000, 4000, 8000, 20_000], 2000, [[1, 2, null, 4]]);
  assert.deepEqual(got, [[2, 4, 8, 10, 20], [1, 2, null, null, 4]]);
});

test('latest is the last number, or none', () => {
  assert.equal(latest([1, 2]), 2);
  assert.equal(latest([1, null]), null);
  assert.equal(latest([]), null);
});
