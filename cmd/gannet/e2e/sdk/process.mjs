// Servers that a test starts and stops itself.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { patience, server } from './clients.mjs';

// What ends before the servers of a test do. node:test ends first what was begun first, which is the server, and pages complain of that
// if they live on for the second after which they connect again.
const guests = new WeakMap();

/** Has a page or the like end when a test does, before the servers of that test. */
export function leaveFirst(t, end) {
  if (!guests.has(t)) guests.set(t, []);
  guests.get(t).push(end);
  t.after(() => leave(t));
}

async function leave(t) {
  for (const end of guests.get(t)?.splice(0) ?? []) await end();
}

/** A server process of the test's own, with flags besides its configuration. */
export class Process {
  static async start(t, config, ...flags) {
    const it = new Process();
    it.child = spawn(server.binary, ['serve', '--config', config, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(async () => {
      try { await leave(t); } finally { it.child.kill('SIGKILL'); }
    });
    it.said = '';
    it.child.stderr.on('data', (chunk) => { it.said += chunk; });
    it.exit = once(it.child, 'close'); // the end of its output, too
    let heard;
    const ready = new Promise((resolve) => { heard = resolve; });
    createInterface(it.child.stdout).on('line', (line) => {
      it.said += `${line}\n`;
      const address = line.match(/^gannet: listening on .*:([0-9]+)$/);
      if (address) it.port = Number(address[1]);
      const admin = line.match(/^gannet: admin on (.*)$/);
      if (admin) { it.admin = admin[1]; heard(); }
    });
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`the server did not start:\n${it.said}`)), patience); });
    await Promise.race([ready, late, it.exit.then(([code]) => { throw new Error(`the server ended with ${code}:\n${it.said}`); })]);
    clearTimeout(timer);
    return it;
  }

  /** The value of one line of its metrics, 0 when there is none. */
  async metric(name) {
    const text = await (await fetch(`http://${this.admin}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return line ? Number(line.slice(name.length + 1)) : 0;
  }

  async stop() {
    this.child.kill('SIGTERM');
    const [code] = await this.exit;
    assert.equal(code, 0, this.said);
  }
}

/** A port that is kept for servers of this file's tests, which may stop and start on it: nobody gets it by chance. */
export function port() {
  const free = server.ports.shift();
  assert.ok(free, 'no port is left: node_test.go keeps too few');
  return free;
}

/** Writes the configuration of a server that listens on a port; 0 lets it choose. Other settings may take the place of those of the tests. */
export async function configuration(t, port, settings = server.settings) {
  const folder = await mkdtemp(join(tmpdir(), 'gannet-sdk-'));
  t.after(() => rm(folder, { recursive: true }));
  const config = join(folder, 'gannet.yaml');
  await writeFile(config, `listen: "127.0.0.1:${port}"\n${settings}${server.config}`);
  return config;
}
