import assert from 'node:assert/strict';
import { test } from 'node:test';
import { names, notJSON } from './draft';

test('names of channels may be written in any way that keeps them apart', () => {
  assert.deepEqual(names(' a, b\nc  d,,a '), ['a', 'b', 'c', 'd']);
  assert.deepEqual(names(''), []);
});

test('text that is no JSON is told from text that is', () => {
  assert.equal(notJSON('{"a":1}'), '');
  assert.equal(notJSON('12'), '');
  assert.notEqual(notJSON('{a:1}'), '');
  assert.notEqual(notJSON(''), '');
});
