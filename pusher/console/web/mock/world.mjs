// A made-up server: apps, channels, clients and traffic enough to fill every view, the same at every start but for the time.

/** A small generator of numbers from 0 to 1 (mulberry32), so that the world is the same each time. */
function dice(seed) {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const roll = dice(7);
const some = (list) => list[Math.floor(roll() * list.length)];
const started = Date.now() - 3 * 86400e3 - 7_300e3;
const every = 2000;
const people = ['ada', 'grace', 'linus', 'barbara', 'edsger', 'margaret', 'ken', 'radia', 'donald', 'frances', 'tim', 'hedy'];
const symbols = ['AAPL', 'MSFT', 'SAP', 'ASML', 'NVDA', 'TSM', 'ORCL', 'AMD', 'ARM', 'SHEL'];

export const secret = 'open sesame';

const limits = (used) => [
  ['connections', 10000, used * 2400, 'count'], ['presence_members', 100, null, 'count'], ['event_bytes', 10240, null, 'bytes'], ['channels_per_event', 100, null, 'count'],
  ['events_per_second', 0, null, 'per_second'], ['client_events_per_second', 10, null, 'per_second'], ['history_bytes', 64 << 20, Math.round(used * 59.2e6), 'bytes'],
  ['cache_bytes', 8 << 20, Math.round(used * 1.1e6), 'bytes'], ['channel_name', 164, null, 'chars'], ['sign_in_timeout', 30, null, 'seconds'],
].map(([name, limit, n, unit]) => ({ name, limit, used: n, unit }));

const app = (id, share, more = {}) => ({
  id, enabled: true, keys: [{ key: `${id}-key-7f3a`, secret: '••••' }], client_events: share > 0.3, require_sign_in: false, subscription_count: true, watchlist: share > 0.3,
  origins: share > 0.3 ? ['https://shop.example', 'https://*.shop.example'] : [], webhooks: share > 0.3 ? 2 : 0,
  rules: share > 0.3 ? [
    { match: 'ticks-*', history_events: 100, history_ttl_s: 300, cache: '', key: 'event', slow: 'conflate', client_events: null },
    { match: 'presence-*', history_events: 50, history_ttl_s: 3600, cache: '', key: '', slow: 'close', client_events: true },
  ] : [],
  connections: Math.round(share * 2400), channels: Math.round(share * 180), users: Math.round(share * 900),
  traffic: {
    published: Math.round(share * 5_512_000), client_events: Math.round(share * 120_300), deliveries: Math.round(share * 912e6),
    published_per_s: share * 240, client_events_per_s: share * 12.4, deliveries_per_s: share * 41200,
  },
  limits: limits(share), ...more,
});

export const apps = [app('shop', 0.8), app('trading', 0.42), app('intranet', 0.06), app('old-shop', 0, { enabled: false })];

function channelsOf(id) {
  const share = apps.find((a) => a.id === id)?.connections ?? 0;
  if (share === 0) return [];
  const list = [];
  const add = (name, kind, subscribers, more = {}) => list.push({ name, kind, cache: false, subscribers, members: null, history: null, ...more });
  for (const s of symbols) add(`ticks-${s}`, 'public', Math.round(share * roll()), { history: { head: `k3v9x2mq-${Math.round(roll() * 1e6)}` } });
  for (let n = 1; n <= 40; n++) add(`presence-room-${n}`, 'presence', n % 7 + 3, { members: n % 7 + 2, history: { head: `p7c2m1aa-${n * 31}` } });
  for (let n = 1; n <= 60; n++) add(`private-order-${10_400 + n * 7}`, 'private', 1 + n % 3);
  for (let n = 1; n <= 6; n++) add(`private-encrypted-desk-${n}`, 'encrypted', 2 + n);
  for (const c of ['cache-weather', 'cache-headline', 'private-cache-prices']) add(c, c.startsWith('private') ? 'private' : 'public', Math.round(share / 9), { cache: true });
  add('announcements', 'public', Math.round(share * 0.97));
  for (const user of people) add(`#server-to-user-${user}`, 'user', 1);
  return list.sort((a, b) => (a.name < b.name ? -1 : 1));
}
const channels = new Map(apps.map(({ id }) => [id, channelsOf(id)]));

let connections = Array.from({ length: 240 }, (_, n) => {
  const slow = n % 61 === 0 ? 4 - n / 61 : 0;
  const where = some(['shop', 'shop', 'shop', 'trading', 'trading', 'intranet']);
  return {
    socket_id: `${1_000_000 + Math.floor(roll() * 8_999_999)}.${Math.floor(roll() * 999_999_999)}`, app: where, address: `203.0.113.${1 + n % 250}`,
    user: n % 3 === 0 ? some(people) : null, subscriptions: 1 + Math.floor(roll() * 9),
    backlog_bytes: Math.round(slow * 183_220), backlog_frames: Math.round(slow * 412), backlog_age_ms: Math.round(slow * 830),
    connected: new Date(Date.now() - roll() * 9e6).toISOString(), loop: n % 2, secure: n % 5 !== 0,
  };
}).sort((a, b) => b.backlog_age_ms - a.backlog_age_ms);

/** The figures of one moment: a slow swell with a burst every few minutes, and one outage. */
function moment(at) {
  const minute = at / 60_000;
  const swell = 1 + 0.12 * Math.sin(minute / 2.3) + 0.05 * Math.sin(minute * 3.1);
  const burst = Math.max(0, Math.sin(minute / 1.9) - 0.93) * 9;
  const noise = dice(Math.floor(at / every))();
  const out = 41_000 * swell * (1 + burst) * (0.95 + noise * 0.1);
  return {
    connections: Math.round(3050 * (1 + 0.04 * Math.sin(minute / 5)) + noise * 12), subscriptions: Math.round(14_200 * swell), channels: 418,
    messages_in: out / 150, messages_out: out, bytes_in: out, bytes_out: out * 260, published: out / 170, drops: burst > 0.3 ? burst * 14 : 0, refusals: noise > 0.97 ? 2 : 0,
    p50_ms: 0.16 + burst * 0.2 + noise * 0.05, p99_ms: 1.1 + burst * 6 + noise * noise * 1.4, loop_lag_ms: 0.3 + burst * 2.6 + noise * 0.4,
    memory_bytes: Math.round(98e6 + 9e6 * Math.sin(minute / 4) + noise * 2e6), heap_bytes: Math.round(41e6 + 14e6 * ((minute * 2.3) % 1)), backlog_bytes: Math.round(burst * 2e6), cpu: 0.31 * swell * (1 + burst * 0.7), webhooks_queued: 3,
  };
}

const by = (list) => list.map(([reason, total, per_s]) => ({ reason, total, per_s }));

export function overview(since) {
  const now = Math.floor(Date.now() / every) * every;
  const from = Math.max(now - 449 * every, since ? since + every : 0, started);
  const at = [];
  for (let t = Math.ceil(from / every) * every; t <= now; t += every) at.push(t);
  const moments = at.map(moment);
  const last = moment(now);
  const columns = Object.fromEntries(Object.keys(last).map((name) => [name, moments.map((m) => m[name])]));
  return {
    now: Date.now(), started: new Date(started).toISOString(), ready: true, reason: '',
    totals: {
      connections: last.connections, subscriptions: last.subscriptions, channels: last.channels, messages_in: 90_210_000, messages_out: 12_019_330_000, bytes_in: 8.8e9, bytes_out: 3.1e12,
      published_rest: 5_512_000, published_client: 120_300, deliveries: 12e9, backlog_bytes: last.backlog_bytes + 734_000, slow_clients: 4, memory_bytes: last.memory_bytes, heap_bytes: last.heap_bytes,
    },
    by_reason: {
      drops: by([['conflated', 81_220, 11.2], ['slow', 412, 0], ['closed', 97, 0.1]]), refusals: by([['client_event_rate', 120, 0.2], ['unauthorized', 31, 0], ['over_quota', 1, 0]]),
      closes: by([['peer', 99_120, 1.5], ['socket', 12_011, 0.4], ['server', 130, 0]]), rest: by([['bad_signature', 3, 0]]),
    },
    loops: [{ loop: 0, connections: Math.floor(last.connections / 2), lag_ms: last.loop_lag_ms, waiting: 0 }, { loop: 1, connections: Math.ceil(last.connections / 2), lag_ms: last.loop_lag_ms * 0.6, waiting: 3 }],
    timeline: { every_ms: every, at, ...columns },
  };
}

export function listChannels(id, q) {
  let list = (channels.get(id) ?? []).map((c) => (c.kind === 'public' && c.subscribers > 50 ? { ...c, subscribers: c.subscribers + Math.floor(Math.random() * 5) } : c));
  const kind = q.get('kind');
  if (kind === 'cache') list = list.filter((c) => c.cache);
  else list = list.filter((c) => (kind ? c.kind === kind : c.kind !== 'user'));
  list = list.filter((c) => c.name.startsWith(q.get('prefix') ?? '') && c.name.includes(q.get('contains') ?? ''));
  const total = list.length;
  const limit = Number(q.get('limit') ?? 50);
  if (q.get('order') === 'subscribers') return { channels: list.sort((a, b) => b.subscribers - a.subscribers).slice(0, limit), next: null, total };
  const rest = list.filter((c) => c.name > (q.get('after') ?? ''));
  return { channels: rest.slice(0, limit), next: rest.length > limit ? rest[limit - 1].name : null, total };
}

export function pasts(channel, before, limit = 20) {
  const newest = Number(channel.history?.head.split('-')[1] ?? 0);
  const from = before ? Number(before.split('-')[1]) - 1 : newest;
  const oldest = newest - 63;
  const epoch = channel.history?.head.split('-')[0];
  const events = [];
  for (let n = from; n > from - limit && n >= oldest; n--) {
    events.push({ serial: `${epoch}-${n}`, time: new Date(Date.now() - (newest - n) * 1730).toISOString(), message: { event: 'trade', channel: channel.name, data: JSON.stringify({ price: 180 + (n % 97) / 10, size: n % 40 }), serial: `${epoch}-${n}` } });
  }
  return { events, next: events.length === limit && from - limit >= oldest ? events.at(-1).serial : null };
}

export function oneChannel(id, name) {
  const kind = name.startsWith('presence-') ? 'presence' : name.startsWith('private-encrypted-') ? 'encrypted' : name.startsWith('private-') ? 'private' : 'public';
  const channel = channels.get(id)?.find((c) => c.name === name) ?? { name, kind, cache: name.includes('cache-'), subscribers: 0, members: null, history: null };
  return {
    channel, rule: name.startsWith('ticks-') ? 'ticks-*' : name.startsWith('presence-') ? 'presence-*' : null,
    cached: channel.cache ? { event: 'weather', data: '{"city":"Lisbon","degrees":19.5}', ttl_s: 1512 } : null,
    members: channel.kind === 'presence' ? { members: people.slice(0, channel.members ?? 0).map((user, i) => ({ id: user, connections: 1 + (i % 2), info: { name: user[0].toUpperCase() + user.slice(1) } })), next: null } : null,
    events: channel.history ? pasts(channel) : null,
  };
}

export function listConnections(q) {
  const text = q.get('q') ?? '';
  let list = connections.filter((c) => (!q.get('app') || c.app === q.get('app')) && (!q.get('user') || c.user === q.get('user')) && c.address.startsWith(q.get('address') ?? ''));
  if (text) list = list.filter((c) => c.socket_id.startsWith(text) || c.address.startsWith(text) || c.user?.includes(text));
  const from = Number(q.get('cursor') || 0);
  const limit = Number(q.get('limit') ?? 50);
  const more = q.get('order') === 'any' && list.length > from + limit;
  return { connections: list.slice(from, from + limit), next: more ? String(from + limit) : null, examined: connections.length, complete: true, elsewhere: text === 'presence-room-3' ? [{ id: 'd4e5f6', name: 'gannet-2', console: 'http://gannet-2.example:9601/', by: 'channel', connections: 12 }] : [] };
}

export function oneConnection(id) {
  const c = connections.find(({ socket_id }) => socket_id === id);
  if (!c) return null;
  const list = ['announcements', ...(c.user ? [`#server-to-user-${c.user}`, 'presence-room-3'] : []), ...symbols.map((s) => `ticks-${s}`)].slice(0, c.subscriptions);
  return {
    ...c, channels: list.sort().map((name) => ({ name, ...(name.startsWith('presence-') ? { user: c.user } : {}) })), channels_total: list.length, silent_ms: Date.now() % 30_000, compressed: false,
    kernel_bytes: c.backlog_bytes > 0 ? 65_536 : 0, rtt_ms: 11.2,
    last_error: c.backlog_bytes > 0 ? { time: new Date(Date.now() - 192e3).toISOString(), code: 4301, reason: 'client_event_rate', message: 'You are sending client events too fast' } : null,
  };
}

export function close(id) {
  const before = connections.length;
  connections = connections.filter(({ socket_id }) => socket_id !== id);
  return connections.length < before;
}

export const happening = () => ({ ...once(), node: `gannet-${1 + Math.floor(roll() * 3)}` });

function once() {
  const c = some(connections);
  const time = Date.now();
  const n = roll();
  if (n < 0.72) {
    const symbol = some(symbols);
    const data = JSON.stringify({ symbol, price: Math.round(18_000 + roll() * 900) / 100, size: Math.ceil(roll() * 400) });
    return { type: 'publish', time, app: 'trading', channel: `ticks-${symbol}`, event: 'trade', data, size: data.length, receivers: Math.round(roll() * 900) };
  }
  if (n < 0.82) return { type: 'client_event', time, app: 'shop', channel: `presence-room-${1 + Math.floor(roll() * 40)}`, event: 'client-typing', data: '{}', size: 2, receivers: 4, socket_id: c.socket_id, user: some(people) };
  if (n < 0.88) return { type: 'subscribe', time, app: c.app, channel: `ticks-${some(symbols)}`, socket_id: c.socket_id, receivers: Math.round(roll() * 900) };
  if (n < 0.93) return { type: 'connect', time, app: c.app, socket_id: c.socket_id, address: c.address };
  if (n < 0.97) return { type: 'disconnect', time, app: c.app, socket_id: c.socket_id, address: c.address };
  return { type: 'error', time, app: c.app, socket_id: c.socket_id, code: 4301, reason: 'client_event_rate', message: 'You are sending client events too fast' };
}

let dead = Array.from({ length: 73 }, (_, n) => ({
  id: `5f1d09c4a7e2-${1042 - n}`, app: 'shop', webhook: n % 5 === 0 ? 'default' : 'audit', reason: ['5xx', 'timeout', 'refused', 'expired'][n % 4], tries: 9,
  created: new Date(Date.now() - 36e5 - n * 4e5).toISOString(), died: new Date(Date.now() - 33e5 - n * 4e5).toISOString(),
  events: Array.from({ length: 1 + n % 4 }, (_, i) => ({ name: 'channel_occupied', channel: `private-order-${10_407 + i * 7}` })),
}));

export const webhooks = () => ({
  webhooks: [
    { app: 'shop', webhook: 'audit', url: 'https://audit.example.com/hook', events: ['client_event'], queued_events: 214, unsafe_events: 0, sending: 1, oldest: new Date(Date.now() - 93e3).toISOString(), failing: true },
    { app: 'shop', webhook: 'default', url: 'https://shop.example/pusher/webhook', events: ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed'], queued_events: 3, unsafe_events: 0, sending: 0, oldest: new Date(Date.now() - 200).toISOString(), failing: false },
  ],
  dead_letters: dead.length, dead_bytes: dead.length * 812, durable: true,
});

export function letters(q) {
  const list = dead.filter((d) => (!q.get('app') || d.app === q.get('app')) && (!q.get('webhook') || d.webhook === q.get('webhook')));
  const from = q.get('before') ? list.findIndex(({ id }) => id === q.get('before')) + 1 : 0;
  const limit = Number(q.get('limit') ?? 50);
  return { dead: list.slice(from, from + limit), ...(list.length > from + limit ? { next: list[from + limit - 1].id } : {}) };
}

export function take({ ids, app, all }) {
  const before = dead.length;
  dead = dead.filter((d) => !(all || ids?.includes(d.id) || (app && d.app === app)));
  return { letters: before - dead.length };
}

export const cluster = () => ({
  driver: 'nats', state: 'connected', self: 'a1b2c3', since: new Date(started).toISOString(),
  details: [{ name: 'server', value: '10.0.0.9:4222' }], counts: { in: 91_200_000, out: 48_100_000, in_bytes: 24e9, out_bytes: 13e9, changes: 5210, reconnects: 1, rejoins: 0, refetched: 0, waiting: 0 },
  nodes: [['a1b2c3', 'gannet-1', 'alive', 3050], ['d4e5f6', 'gannet-2', 'alive', 2987], ['070809', 'gannet-3', 'leaving', 112]].map(([id, name, state, n]) => ({
    id, name, state, since: new Date(started).toISOString(), connections: n, channels: Math.round(n / 8), users: Math.round(n / 4), subscriptions: 4 * n,
    messages_in_per_s: n / 300, messages_out_per_s: n * 2.1, published_per_s: n / 200, memory_bytes: 30e6 + 900 * n, loop_lag_ms: 0.4 + n / 4000, cpu: n / 4000, backlog_bytes: 0,
    version: '0.3.0', started: new Date(started).toISOString(), ready: state === 'alive', reason: state === 'alive' ? '' : 'draining',
    hooks_queued: id === 'd4e5f6' ? 12 : 0, hooks_failing: id === 'd4e5f6' ? 1 : 0, dead_letters: id === 'd4e5f6' ? 3 : 0, console: id === 'a1b2c3' ? null : `http://${name}.example:9601/`, heard_ms: 1200,
  })),
});

export const version = () => ({ version: '0.3.0', commit: '421197d', go: 'go1.26.8', started: new Date(started).toISOString(), dev: false, loops: 2 });
