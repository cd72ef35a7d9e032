import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messages, Parser, type Message } from './sse';

const stream = 'data: {"a":1}\n\n: a comment\nevent: stats\ndata: one\ndata:two\r\n\r\nevent: nothing\n\nid: 7\ndata\n\n';
const want: Message[] = [{ event: 'message', data: '{"a":1}' }, { event: 'stats', data: 'one\ntwo' }, { event: 'message', data: '' }];

test('messages are read as the standard says', () => {
  assert.deepEqual(new Parser().push(stream), want);
});

test('it does not matter where a stream is cut', () => {
  for (let i = 0; i <= stream.length; i++) {
    const parser = new Parser();
    assert.deepEqual([...parser.push(stream.slice(0, i)), ...parser.push(stream.slice(i))], want, `cut at ${i}`);
  }
  const parser = new Parser();
  assert.deepEqual([...stream].flatMap((letter) => parser.push(letter)), want);
});

test('what is not whole is not given', () => {
  const parser = new Parser();
  assert.deepEqual(parser.push('data: half'), []);
  assert.deepEqual(parser.push(' of it\n'), []);
  assert.deepEqual(parser.push('\n'), [{ event: 'message', data: 'half of it' }]);
});

test('letters of several bytes survive being cut, and a body is given up by who stops reading', async () => {
  const bytes = new TextEncoder().encode('data: µ→𝄞\n\ndata: next\n\n');
  let cancelled = false;
  let i = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(to) { if (i < bytes.length) to.enqueue(bytes.slice(i, ++i)); },
    cancel() { cancelled = true; },
  });
  for await (const { data } of messages(body)) {
    assert.equal(data, 'µ→𝄞');
    break;
  }
  assert.equal(cancelled, true);
});
