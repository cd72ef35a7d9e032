// Serves files of the console beside an API: that of a made-up world, or that of a real server's admin listener.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request as ask } from 'node:http';
import { extname, join, normalize } from 'node:path';
import * as world from './world.mjs';

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.map': 'application/json', '.txt': 'text/plain' };
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export { secret } from './world.mjs';

/** Listens, and returns the address and what ends it. `signIn` has it ask for the secret first. */
export async function listen({ folders, port = 0, admin, signIn = false }) {
  let inside = !signIn;
  const server = createServer(async (req, res) => {
    const url = new URL(req.url, 'http://console');
    if (!url.pathname.startsWith('/api/')) return file(url.pathname, folders, res);
    if (admin) return forward(admin, req, res);
    let body = '';
    for await (const chunk of req) body += chunk;
    const reply = (status, value) => res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    const fail = (status, code, error = code) => reply(status, { error, code });
    const who = () => ({ required: signIn, authenticated: inside, expires: null, version: '0.3.0' });
    if (req.method !== 'GET' && req.headers['x-gannet-request'] !== '1') return fail(403, 'header_required');
    if (url.pathname === '/api/session') {
      if (req.method === 'POST' && JSON.parse(body).secret !== world.secret) return fail(401, 'wrong_secret', 'That is neither the password nor the token.');
      inside = req.method === 'POST' || (req.method === 'GET' && inside);
      return reply(200, who());
    }
    if (!inside) return fail(401, 'unauthorized');
    const parts = url.pathname.split('/').slice(2).map(decodeURIComponent);
    const answer = route(req.method, parts, url.searchParams, body === '' ? {} : JSON.parse(body));
    if (answer === 'live') return live(req, res, url.searchParams);
    if (answer === undefined) return fail(404, 'not_found', 'There is no such thing.');
    reply(200, answer);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
}

function route(method, [first, second, third, fourth, fifth], q, body) {
  const key = [method, first].join(' ');
  switch (key) {
    case 'GET overview': return world.overview(Number(q.get('since') ?? 0));
    case 'GET version': return world.version();
    case 'GET cluster': return world.cluster();
    case 'GET live': return 'live';
    case 'GET connections': {
      if (!second) return world.listConnections(q);
      const connection = world.oneConnection(second);
      return connection ? { connection } : undefined;
    }
    case 'POST connections': return world.close(second) ? { closed: true } : undefined;
    case 'GET apps': {
      if (!second) return { apps: world.apps };
      const app = world.apps.find(({ id }) => id === second);
      if (!app) return undefined;
      if (third !== 'channels') return { app };
      if (!fourth) return world.listChannels(second, q);
      const one = world.oneChannel(second, fourth);
      return fifth === 'events' ? world.pasts(one.channel, q.get('before'), Number(q.get('limit') ?? 50)) : fifth === 'members' ? one.members : one;
    }
    case 'POST apps':
      if (third === 'reveal') return { keys: world.apps.find(({ id }) => id === second).keys.map(({ key }) => ({ key, secret: 'b4c1d0e5f6a7b8c9' })) };
      return { channels: Object.fromEntries(body.channels.map((name) => [name, { receivers: name.length }])) };
    case 'GET webhooks': return second === 'dead' ? world.letters(q) : world.webhooks();
    case 'POST webhooks':
      if (second === 'test') return { webhook: body.webhook, ok: body.webhook === 'default', sent: '{"time_ms":1795376400000,"events":[{"name":"channel_occupied","channel":"test"}]}', status: body.webhook === 'default' ? 200 : 503, body: 'busy', reason: '5xx', took_ms: 38 };
      return world.take(body);
    default: return undefined;
  }
}

function live(req, res, q) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' });
  let shown = 0;
  const types = q.get('types')?.split(',');
  const wanted = (e) => (!q.get('app') || e.app === q.get('app')) && (!q.get('channel') || e.channel === q.get('channel')) && (!q.get('prefix') || e.channel?.startsWith(q.get('prefix'))) && (!types || types.includes(e.type));
  const events = setInterval(() => {
    const event = world.happening();
    if (!wanted(event)) return;
    shown++;
    res.write(`data: ${JSON.stringify(event)}\n\n`);
  }, 60);
  const stats = setInterval(() => res.write(`event: stats\ndata: ${JSON.stringify({ time: Date.now(), shown, left_out: Math.floor(shown / 4) })}\n\n`), 1000);
  req.on('close', () => { clearInterval(events); clearInterval(stats); });
}

async function file(path, folders, res) {
  const name = normalize(path).replace(/^\/+/, '') || 'index.html';
  for (const folder of folders) {
    try {
      const body = await readFile(join(folder, name));
      return res.writeHead(200, { 'Content-Type': types[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': policy }).end(body);
    } catch {
      // The next folder may have it.
    }
  }
  res.writeHead(404).end();
}

function forward(admin, req, res) {
  const to = ask(new URL(req.url, admin), { method: req.method, headers: { ...req.headers, host: new URL(admin).host, origin: new URL(admin).origin } }, (from) => {
    res.writeHead(from.statusCode, from.headers);
    from.pipe(res);
  });
  to.on('error', () => res.writeHead(502).end());
  req.on('close', () => to.destroy());
  req.pipe(to);
}
