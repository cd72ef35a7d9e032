import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limit } from '../api/types';
import { tightest } from './limits';

const limit = (name: string, of: number, used: number | null): Limit => ({ name, limit: of, used, unit: 'count' });

test('the tightest limit is the one of which the largest part is used', () => {
  const got = tightest([limit('a', 1000, 500), limit('b', 10, 9), limit('c', 0, 10_000), limit('d', 1, null)]);
  assert.equal(got?.name, 'b');
  assert.equal(got?.part, 0.9);
});

test('where nothing is counted or limited there is none', () => {
  assert.equal(tightest([]), null);
  assert.equal(tightest([limit('a', 0, 5), limit('b', 5, null)]), null);
});
