import assert from 'node:assert/strict';
import { test } from 'node:test';
import { href, parse } from './route';

test('a place is its parts and its query', () => {
  assert.deepEqual(parse(''), { path: [], query: {} });
  assert.deepEqual(parse('#/'), { path: [], query: {} });
  assert.deepEqual(parse('#/channels/1/a%2Fb%3Fc'), { path: ['channels', '1', 'a/b?c'], query: {} });
  assert.deepEqual(parse('#/live?app=1&channel=news-*'), { path: ['live'], query: { app: '1', channel: 'news-*' } });
  assert.deepEqual(parse('#/channels/1/100%'), { path: ['channels', '1', '100%'], query: {} });
});

test('every name makes it there and back', () => {
  for (const name of ['presence-a', '#server-to-user-1', 'a/b', 'a?b=c&d', '100%', 'ä ö', '..', 'a#b', '+']) {
    assert.deepEqual(parse(href(['channels', '1', name], { q: name })), { path: ['channels', '1', name], query: { q: name } });
  }
});

test('what is empty is not in the address', () => {
  assert.equal(href(['live'], { app: '', channel: undefined }), '#/live');
  assert.equal(href([]), '#/');
});
