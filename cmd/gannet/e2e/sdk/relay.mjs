// A network between client and server, for the tests to cut.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { server } from './clients.mjs';

/** Forwards connections to the server while it is up; those that come while it is down wait. */
export class Relay {
  #up = true;
  #live = new Set(); // pairs of sockets
  #waiting = new Set();
  #allowance = Infinity; // bytes to clients before the next cut
  #silent = new Set();

  static async start(t) {
    const it = new Relay();
    it.listener = createServer((client) => it.#accept(client)).listen(0, '127.0.0.1');
    await once(it.listener, 'listening');
    it.at = { host: '127.0.0.1', port: it.listener.address().port };
    t.after(() => {
      it.listener.close();
      for (const pair of [...it.#live, ...it.#silent]) it.#destroy(pair);
      for (const client of it.#waiting) client.destroy();
    });
    return it;
  }

  /** Cuts all connections, without a word of WebSocket. */
  down() {
    this.#up = false;
    for (const pair of this.#live) this.#destroy(pair);
  }

  /** Forwards nothing any more, either way, and tells nobody: as when a laptop sleeps. */
  sleep() {
    this.#up = false;
    for (const pair of this.#live) {
      const [client, upstream] = pair;
      client.unpipe(upstream);
      upstream.removeAllListeners('data');
      upstream.pause();
      client.resume(); // so that its end is seen, and not passed on
      this.#live.delete(pair);
      this.#silent.add(pair);
    }
  }

  /** Forwards again, also what has waited; with an allowance, the first connection breaks after so many bytes to the client. */
  up(allowance = Infinity) {
    this.#up = true;
    this.#allowance = allowance;
    for (const client of this.#waiting) this.#forward(client);
    this.#waiting.clear();
  }

  #accept(client) {
    client.setNoDelay(true);
    client.on('error', () => client.destroy());
    client.on('close', () => this.#waiting.delete(client));
    if (this.#up) this.#forward(client);
    else this.#waiting.add(client);
  }

  #forward(client) {
    const upstream = connect(server.port, server.host);
    const pair = [client, upstream];
    this.#live.add(pair);
    upstream.setNoDelay(true);
    for (const socket of pair) {
      socket.on('error', () => this.#destroy(pair));
      socket.on('close', () => { if (!this.#silent.has(pair)) this.#destroy(pair); });
    }
    client.pipe(upstream, { end: false });
    upstream.on('data', (chunk) => {
      client.write(chunk.subarray(0, this.#allowance));
      this.#allowance -= chunk.length;
      if (this.#allowance > 0) return;
      this.#allowance = Infinity;
      client.end(); // what was written leaves before
      upstream.destroy();
    });
  }

  #destroy(pair) {
    this.#live.delete(pair);
    this.#silent.delete(pair);
    for (const socket of pair) socket.destroy();
  }
}
