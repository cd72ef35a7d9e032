// What the tests of every SDK share: clients that are closed when their test ends, and
// logs that are read entry by entry, so that a missing event and one too many both fail.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Where the server is and which apps it has; written by the Go side of the tests. */
export const server = JSON.parse(process.env.GANNET_E2E);

/** How long an event that must come may take. Generous: a busy machine is not a failure. */
export const patience = 60_000;

export const PusherServer = require('pusher');

const masterKey = Buffer.from('cAzRH3W9FZM3iXqSNIGtKztwNuCz9xMV').toString('base64');

/** The versions of pusher-js; `has` tells what the version itself is able to do. */
export const sdks = [
  { name: 'pusher-js 8.6.0', Pusher: require('pusher-js-8'), has: ['encryption', 'users', 'count'] },
  { name: 'pusher-js 7.6.0', Pusher: require('pusher-js-7'), has: ['encryption', 'users', 'count'] },
  // 4.4.0 knows neither users nor counts, and its node build cannot decrypt (it wants a browser's navigator).
  { name: 'pusher-js 4.4.0', Pusher: require('pusher-js-4'), has: [] },
];

// A kept connection that the server ends while a request is on its way is a failed request;
// libraries leave that to their users, and the tests that restart servers are such.
const agent = new (server.tls ? SecureAgent : Agent)({ keepAlive: false });

/** The server library of an app. */
export function backend(app = server.apps.full, at = server) {
  return new PusherServer({
    appId: app.id, key: app.key, secret: app.secret,
    host: at.host, port: String(at.port), useTLS: server.tls, encryptionMasterKeyBase64: masterKey, timeout: patience, agent,
  });
}

let names = 0;

/** A channel name nobody used before. */
export function fresh(prefix) {
  return `${prefix}-${process.pid}-${++names}`;
}

/** Everything one source said, in order. */
export class Log {
  #entries = [];
  #read = 0;
  #wake = () => {};

  constructor(what) { this.what = what; }

  push(entry) {
    this.#entries.push(entry);
    this.#wake();
  }

  /** The next entry; fails when none comes. */
  async next(want = 'something') {
    const deadline = Date.now() + patience;
    while (this.#read === this.#entries.length) {
      let timer;
      const woken = await new Promise((resolve) => {
        this.#wake = () => resolve(true);
        timer = setTimeout(() => resolve(false), deadline - Date.now());
      });
      clearTimeout(timer);
      if (!woken) assert.fail(`${this.what}: waited ${patience} ms for ${want}; saw ${JSON.stringify(this.#entries)}`);
    }
    return this.#entries[this.#read++];
  }

  /** Fails unless the next entries are exactly these. */
  async expect(...entries) {
    for (const entry of entries) {
      assert.deepEqual(await this.next(JSON.stringify(entry)), entry, `${this.what}: everything seen: ${JSON.stringify(this.#entries)}`);
    }
  }

  /** Skips to the first unread entry that matches. */
  async until(matches, want) {
    for (;;) {
      const entry = await this.next(want);
      if (matches(entry)) return entry;
    }
  }
}

/** The options every version takes, to reach our server and nothing else. */
export function address(at = server) {
  return {
    cluster: 'mt1', wsHost: at.host, wsPort: at.port, wssPort: at.port, forceTLS: server.tls, enabledTransports: server.tls ? ['ws', 'wss'] : ['ws'],
    disableStats: true, enableStats: false,
  };
}

/** Answers channel authorization as an app's backend would. */
export function authorize(app, member) {
  const library = backend(app);
  return (socketId, channel) => library.authorizeChannel(socketId, channel, channel.startsWith('presence-') ? member : undefined);
}

function authorization(sdk, answer) {
  const reply = (socketId, channel, failed, done) => {
    let token;
    try { token = answer(socketId, channel); } catch (error) { return failed(error); }
    done(token);
  };
  if (sdk.name.startsWith('pusher-js 4')) {
    return { authorizer: (channel) => ({
      authorize: (socketId, callback) => reply(socketId, channel.name, (error) => callback(true, error), (token) => callback(false, token)),
    }) };
  }
  return { channelAuthorization: {
    customHandler: ({ socketId, channelName }, callback) => reply(socketId, channelName, (error) => callback(error, null), (token) => callback(null, token)),
  } };
}

/** One pusher-js connection and what it told. */
export class Client {
  constructor(t, sdk, { app = server.apps.full, at = server, member, user, answer, options } = {}) {
    this.app = app;
    this.pusher = new sdk.Pusher(app.key, {
      ...address(at),
      ...authorization(sdk, answer ?? authorize(app, member)),
      ...(user && { userAuthentication: { customHandler: ({ socketId }, callback) => callback(null, backend(app).authenticateUser(socketId, user)) } }),
      ...options,
    });
    t.after(() => this.pusher.disconnect());
    const { connection } = this.pusher;
    this.states = new Log(`states of ${sdk.name}`);
    this.errors = new Log(`errors of ${sdk.name}`);
    this.messages = new Log(`messages of ${sdk.name}`);
    connection.bind('state_change', ({ current }) => this.states.push(current));
    connection.bind('error', (error) => this.errors.push(error?.data ?? error?.error?.data ?? error));
    connection.bind('message', (message) => this.messages.push(message));
  }

  get socketId() { return this.pusher.connection.socket_id; }
  get state() { return this.pusher.connection.state; }

  async connected() {
    if (this.state !== 'connected') await this.states.until((state) => state === 'connected', 'connected');
    return this;
  }

  /** Starts a subscription; what its channel says goes to a log, counts left out unless asked for. */
  join(name, { counts = false } = {}) {
    const channel = this.pusher.subscribe(name);
    const log = new Log(`${name} of ${this.socketId}`);
    channel.bind_global((event, data) => {
      if (event === 'pusher:subscription_succeeded') log.push([event]);
      else if (event === 'pusher:subscription_count') { if (counts) log.push([event, data.subscription_count]); }
      else if (event === 'pusher:member_added' || event === 'pusher:member_removed') log.push([event, { ...data }]);
      else log.push([event, data]);
    });
    return Object.assign(log, { channel });
  }

  async subscribe(name, options) {
    const log = this.join(name, options);
    await log.expect(['pusher:subscription_succeeded']);
    return log;
  }

  /** Returns when the server has handled everything sent before. */
  async settled() {
    this.pusher.connection.send_event('pusher:ping', {});
    await this.messages.until(({ event }) => event === 'pusher:pong', 'the answer to a ping');
  }

  async signIn() {
    this.pusher.signin();
    await this.messages.until(({ event, channel }) => event === 'pusher_internal:subscription_succeeded' && channel?.startsWith('#server-to-user-'), 'the end of the sign-in');
    return this;
  }
}

/** A client that is connected. */
export function connect(t, sdk, options) {
  return new Client(t, sdk, options).connected();
}

/** The JSON answer of a server library call. */
export async function answer(call) {
  const response = await call;
  assert.equal(response.status, 200);
  return response.json();
}
