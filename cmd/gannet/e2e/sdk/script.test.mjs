// resume.js against a server that says what the test wants it to, frame by frame. Both builds tell the same stories.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { WebSocketServer } from 'ws';
import { build } from '../../../../pusher/resume/build.mjs';
import { Log, fresh } from './clients.mjs';

const require = createRequire(import.meta.url);
const folder = new URL('../../../../pusher/resume/', import.meta.url);
const text = (name) => readFile(new URL(name, folder), 'utf8');

/** A copy of pusher-js with a Runtime of its own. */
function freshPusher() {
  const path = require.resolve('pusher-js-8');
  delete require.cache[path];
  return require(path);
}

/** A server that keeps what clients say in a log, and says what it is told to. */
class Script {
  static async start(t) {
    const it = new Script();
    it.heard = new Log('what the server heard');
    it.sockets = [];
    it.listener = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(it.listener, 'listening');
    t.after(() => it.listener.close());
    it.listener.on('connection', (socket, { url }) => {
      it.sockets.push(socket);
      it.heard.push(url.includes('resume=1') ? 'connect resume=1' : 'connect');
      socket.on('message', (message) => it.heard.push(JSON.parse(message)));
      it.say({ event: 'pusher:connection_established', data: JSON.stringify({ socket_id: `1.${it.sockets.length}`, activity_timeout: 120 }) });
    });
    return it;
  }

  say(...frames) { for (const frame of frames) this.sockets.at(-1).send(JSON.stringify(frame)); }

  /** Sends the client away, to come back at once. */
  cut() { this.sockets.at(-1).close(4200); }

  subscribed(channel, more) { this.say({ event: 'pusher_internal:subscription_succeeded', channel, data: '{}', ...more }); }

  event(channel, n, serial) { this.say({ event: 'e', channel, data: JSON.stringify(n), ...(serial && { serial }) }); }
}

const loaders = {
  'resume.js': async () => require('../../../../pusher/resume/resume.js'),
  'resume.mjs': async () => (await import(new URL('resume.mjs', folder))).default,
};

for (const [name, load] of Object.entries(loaders)) {
  describe(name, { concurrency: 1 }, () => {
    /** A client of a scripted server, subscribed to a channel; its log has the channel's events, and its notices from the connection. */
    async function story(t, { success, options } = {}) {
      const server = await Script.start(t);
      const Pusher = (await load())(freshPusher(), options);
      const pusher = new Pusher('key', { cluster: 'x', wsHost: '127.0.0.1', wsPort: server.listener.address().port, forceTLS: false, enabledTransports: ['ws'] });
      t.after(() => pusher.disconnect());
      await server.heard.expect('connect resume=1');
      const channel = fresh('c');
      const log = new Log(`events of ${channel}`);
      const join = () => pusher.subscribe(channel).bind_global((event, data) => log.push(event.startsWith('pusher:') ? [event] : data));
      for (const what of ['gap', 'recovered', 'lag']) pusher.bind(`resume:${what}`, (notice) => log.push([what, notice]));
      join();
      /** What the next subscribe has beside the name. */
      const asks = async (more) => {
        await server.heard.expect({ event: 'pusher:subscribe', data: { auth: '', channel, ...more } });
      };
      /** Cuts the connection; the channel is subscribed again with more. */
      const away = async (more) => {
        server.cut();
        await server.heard.expect('connect resume=1');
        await asks(more);
      };
      if (success) {
        await asks({});
        server.subscribed(channel, success);
        await log.expect(['pusher:subscription_succeeded']);
      }
      return { server, pusher, channel, log, join, asks, away };
    }

    const gap = (channel, from, to, reason, more) => [['pusher:resume_gap'], ['gap', { channel, from, to, reason, ...more }]];

    test('asks for what follows the last event it has seen', async (t) => {
      const { server, channel, log, away } = await story(t, { success: { serial: 'E-x-12' } });
      server.event(channel, 13, 'E-x-13');
      await log.expect(13);
      await away({ resume: 'E-x-13', socket: '1.1' });
      server.subscribed(channel, { serial: 'E-x-13', recovered: true });
      await log.expect(['pusher:subscription_succeeded'], ['pusher:resume_recovered'], ['recovered', { channel, from: 'E-x-13' }]);
      server.event(channel, 14, 'E-x-14');
      await log.expect(14);
      await away({ resume: 'E-x-14', socket: '1.2' });
    });

    test('goes on from an outage before the first event', async (t) => {
      const { away } = await story(t, { success: { serial: 'E-0' } });
      await away({ resume: 'E-0', socket: '1.1' });
    });

    test('goes on where a replay broke off', async (t) => {
      const { server, channel, away } = await story(t, { success: { serial: 'E-5' } });
      await away({ resume: 'E-5', socket: '1.1' });
      server.subscribed(channel, { serial: 'E-5', recovered: true });
      server.event(channel, 6, 'E-6');
      server.event(channel, 7, 'E-7');
      await away({ resume: 'E-7', socket: '1.2' });
    });

    test('tells why it could not go on, and goes on from what the server says', async (t) => {
      const { server, channel, log, away } = await story(t, { success: { serial: 'E-5' } });
      await away({ resume: 'E-5', socket: '1.1' });
      server.subscribed(channel, { serial: 'E-90', recovered: false, reason: 'expired' });
      await log.expect(['pusher:subscription_succeeded'], ...gap(channel, 'E-5', 'E-90', 'expired'));
      server.event(channel, 91, 'E-91');
      await log.expect(91);
      await away({ resume: 'E-91', socket: '1.2' });
      server.subscribed(channel, { recovered: false, reason: 'epoch' }); // no history any more
      await log.expect(['pusher:subscription_succeeded'], ...gap(channel, 'E-91', undefined, 'epoch'));
      await away({});
    });

    test('takes no answer for a negative one', async (t) => {
      const { server, channel, log, away } = await story(t, { success: { serial: 'E-5' } });
      await away({ resume: 'E-5', socket: '1.1' });
      server.subscribed(channel);
      await log.expect(['pusher:subscription_succeeded'], ...gap(channel, 'E-5', undefined, 'unknown'));
    });

    test('drops duplicates, and tells of jumps and new epochs before the event behind them', async (t) => {
      const { server, channel, log, away } = await story(t, { success: { serial: 'E-1' } });
      for (const n of [2, 2, 1, 3]) server.event(channel, n, `E-${n}`);
      await log.expect(2, 3);
      server.event(channel, 7, 'E-7');
      await log.expect(...gap(channel, 'E-3', 'E-7', 'jump', { missed: 3 }), 7);
      server.event(channel, 1, 'F-1');
      await log.expect(...gap(channel, 'E-7', 'F-1', 'epoch'), 1);
      await away({ resume: 'F-1', socket: '1.1' });
    });

    test('markers move the position without a word, and tell of lag when they say how much', async (t) => {
      const { server, channel, log, away } = await story(t, { success: { serial: 'E-1' } });
      const marker = { event: 'pusher_internal:gannet_position', channel, data: '{}' };
      server.say({ ...marker, serial: 'E-2' }, { ...marker, serial: 'E-9' });
      server.event(channel, 10, 'E-10');
      await log.expect(10);
      server.say({ ...marker, serial: 'E-13', skipped: 3 }, { ...marker, skipped: 1 });
      await log.expect(['pusher:resume_lag'], ['lag', { channel, missed: 3 }], ['pusher:resume_lag'], ['lag', { channel, missed: 1 }]);
      await away({ resume: 'E-13', socket: '1.1' });
    });

    test('what only looks like a position is left alone', async (t) => {
      const { server, channel, log, away } = await story(t, { success: {} });
      server.event(channel, '{"serial":"E-9"}');
      server.say({ event: 'e', channel, data: '"x"', serial: 'nonsense' }, { event: 'e', channel, data: '"y"', serial: 7 });
      await log.expect('{"serial":"E-9"}', 'x', 'y');
      await away({});
    });

    test('a server without positions gets none', async (t) => {
      const { server, channel, log, away } = await story(t, { success: {} });
      server.event(channel, 1);
      await log.expect(1);
      await away({});
      server.subscribed(channel);
      await log.expect(['pusher:subscription_succeeded']);
    });

    test('unsubscribing forgets, on-line and off-line', async (t) => {
      const { server, pusher, channel, log, join, asks } = await story(t, { success: { serial: 'E-5' } });
      pusher.unsubscribe(channel);
      await server.heard.expect({ event: 'pusher:unsubscribe', data: { channel } });
      join();
      server.event(channel, 6, 'E-6'); // was on its way
      await asks({});
      server.subscribed(channel, { serial: 'E-6' });
      await log.expect(6, ['pusher:subscription_succeeded']);
      pusher.disconnect();
      pusher.unsubscribe(channel);
      join();
      pusher.connect();
      await server.heard.expect('connect resume=1');
      await asks({});
    });

    test('disconnecting on purpose does not forget', async (t) => {
      const { server, pusher, asks } = await story(t, { success: { serial: 'E-5' } });
      pusher.disconnect();
      pusher.connect();
      await server.heard.expect('connect resume=1');
      await asks({ resume: 'E-5', socket: '1.1' });
    });

    test('rewinds new subscriptions, and only those', async (t) => {
      for (const rewind of [7, '30s', () => 7, () => '30s']) {
        const { server, channel, log, asks, away } = await story(t, { options: { rewind } });
        const want = typeof rewind === 'function' ? rewind() : rewind;
        await asks({ rewind: want });
        server.subscribed(channel, { serial: 'E-3' });
        server.event(channel, 4, 'E-4');
        await log.expect(['pusher:subscription_succeeded'], 4);
        await away({ resume: 'E-4', socket: '1.1' });
      }
      const { asks } = await story(t, { options: { rewind: () => undefined } });
      await asks({});
    });

    test('a listener that throws costs no event', async () => {
      // A stand-in for pusher-js: what escapes its sockets' handlers in node ends up in the process.
      const thrower = { emit: (event) => { if (event === 'resume:gap') throw new Error('of the listener'); } };
      const channel = { subscribed: true, emit() {} };
      const pusher = { connection: { state: 'connected', socket_id: '1.1' }, global_emitter: thrower, channel: () => channel };
      const socket = { send() {} };
      const Pusher = (await load())({ Runtime: { createWebSocket: () => socket }, instances: [] });
      Pusher.Runtime.createWebSocket('ws://x');
      Pusher.instances.push(pusher);
      const seen = [];
      socket.onmessage = ({ data }) => seen.push(JSON.parse(data).data);
      const say = (frame) => socket.onmessage({ data: JSON.stringify(frame) });
      say({ event: 'pusher:connection_established', data: '{"socket_id":"1.1"}' });
      say({ event: 'e', channel: 'c', data: 'one', serial: 'E-1' });
      assert.throws(() => say({ event: 'e', channel: 'c', data: 'nine', serial: 'E-9' }), /of the listener/);
      assert.deepEqual(seen.slice(1), ['one', 'nine']);
    });

    test('installs itself once, whichever copy comes first, and returns the class', async () => {
      const Pusher = freshPusher();
      const [one, other] = [await loaders['resume.js'](), await loaders['resume.mjs']()];
      assert.equal(one(Pusher), Pusher);
      const installed = Pusher.Runtime.createWebSocket;
      assert.equal(other({ default: Pusher }), Pusher);
      assert.equal(Pusher.Runtime.createWebSocket, installed);
      assert.throws(() => one({}), /not the Pusher class/);
    });

    test('says when it comes too late', async (t) => {
      const warn = t.mock.method(console, 'warn', () => {});
      const Pusher = freshPusher();
      const pusher = new Pusher('key', { cluster: 'x', wsHost: '127.0.0.1', wsPort: 9, forceTLS: false, enabledTransports: ['ws'] });
      pusher.disconnect();
      (await load())(Pusher);
      assert.equal(warn.mock.callCount(), 1);
    });
  });
}

describe('the files', () => {
  test('match their source', async () => {
    for (const [name, want] of Object.entries(await build(require('terser')))) {
      assert.equal(await text(name), want, `${name} is not what source.mjs makes; run: node pusher/resume/build.mjs cmd/gannet/e2e`);
    }
  });

  test('define one name where there are no modules', async () => {
    const scope = vm.createContext({});
    scope.self = scope;
    vm.runInContext(await text('resume.js'), scope);
    assert.deepEqual(Object.keys(scope).sort(), ['GannetResume', 'self']);
  });

  test('make a package that both kinds of import find', async (t) => {
    const project = await mkdtemp(join(tmpdir(), 'gannet-package-'));
    t.after(() => rm(project, { recursive: true }));
    await mkdir(join(project, 'node_modules/@gannet-io'), { recursive: true });
    await symlink(fileURLToPath(folder), join(project, 'node_modules/@gannet-io/resume'));
    await writeFile(join(project, 'main.mjs'), `
      import resume from '@gannet-io/resume';
      import { createRequire } from 'node:module';
      const other = createRequire(import.meta.url)('@gannet-io/resume');
      console.log(typeof resume, typeof other, resume === other);`);
    assert.equal(execFileSync('node', [join(project, 'main.mjs')], { encoding: 'utf8' }), 'function function false\n');
  });
});
