// A server that is told to stop sends its clients away with 4200, and they find the next
// one on the same port by themselves.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { backend, connect, fresh, patience, sdks, server } from './clients.mjs';

/** A port nobody listens on at this moment. */
async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

/** A server process of this test's own. */
class Process {
  static async start(t, config) {
    const it = new Process();
    it.child = spawn(server.binary, ['serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => it.child.kill('SIGKILL'));
    it.said = '';
    it.child.stderr.on('data', (chunk) => { it.said += chunk; });
    it.exit = once(it.child, 'exit');
    let heard;
    const ready = new Promise((resolve) => { heard = resolve; });
    createInterface(it.child.stdout).on('line', (line) => { it.said += `${line}\n`; if (line.startsWith('gannet: listening on ')) heard(); });
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`the server did not start:\n${it.said}`)), patience); });
    await Promise.race([ready, late, it.exit.then(([code]) => { throw new Error(`the server ended with ${code}:\n${it.said}`); })]);
    clearTimeout(timer);
    return it;
  }

  async stop() {
    this.child.kill('SIGTERM');
    const [code] = await this.exit;
    assert.equal(code, 0, this.said);
  }
}

describe('restart', { concurrency: 1 }, () => {
  for (const sdk of sdks) {
    test(`${sdk.name} comes back after 4200 with all its channels`, async (t) => {
      const at = { host: server.host, port: await freePort() };
      const folder = await mkdtemp(join(tmpdir(), 'gannet-restart-'));
      t.after(() => rm(folder, { recursive: true }));
      const config = join(folder, 'gannet.yaml');
      await writeFile(config, server.config.replace('127.0.0.1:0', `127.0.0.1:${at.port}`));
      const rest = backend(server.apps.full, at);

      const first = await Process.start(t, config);
      const client = await connect(t, sdk, { at, member: { user_id: 'alice', user_info: { name: 'Alice' } } });
      const before = client.socketId;
      const names = [fresh('open'), fresh('private-closed'), fresh('presence-room')];
      const logs = [];
      for (const name of names) logs.push(await client.subscribe(name));
      await rest.trigger(names, 'before', { n: 1 });
      for (const log of logs) await log.expect(['before', { n: 1 }]);

      await first.stop();
      assert.equal((await client.errors.next('the farewell')).code, 4200);
      await Process.start(t, config);
      await client.states.until((state) => state === 'connecting', 'connecting');
      await client.connected();
      assert.notEqual(client.socketId, before);
      for (const log of logs) await log.expect(['pusher:subscription_succeeded']);
      assert.equal(logs[2].channel.members.count, 1);
      await rest.trigger(names, 'after', { n: 2 });
      for (const log of logs) await log.expect(['after', { n: 2 }]);
    });
  }
});
