// What the pages share and nobody has to copy: the head of the page, who the visitor is, and the frame log.
// The one thing of interest is `here`, at the end: how pusher-js is told to use a server of one's own.

import { path } from './server.js';

/** Makes an element: make('p', { className: 'hint', textContent: 'x' }, child, …). Text goes in as text, never as HTML. */
export function make(name, props = {}, ...children) {
  const element = Object.assign(document.createElement(name), props);
  element.append(...children);
  return element;
}

export const find = (selector) => document.querySelector(selector);

/** A colour for everybody, which all others see, too. */
export function hue(id) {
  let sum = 7;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}

/** A round picture with initials. */
export function portrait({ id, name }) {
  const initials = name.split(/\s+/).map((word) => [...word][0]).join('').slice(0, 2).toUpperCase();
  const element = make('span', { className: 'person', textContent: initials, ariaHidden: 'true' });
  element.style.setProperty('--hue', hue(id));
  return element;
}

/** The name of a member of a presence channel. What it says of itself was signed, but who knows what by whom. */
export function nameOf(member) {
  const name = member?.info?.name;
  return typeof name === 'string' && name.trim() ? name.slice(0, 24) : 'Somebody';
}

export const clock = (time = Date.now()) => new Date(time).toLocaleTimeString('en-GB');

/** Adds a line with the time to a list, the newest first. */
export function note(list, text, className = '') {
  const line = make('span', { className, textContent: text });
  list.prepend(make('li', {}, make('time', { textContent: clock() }), line));
  while (list.children.length > 50) list.lastChild.remove();
}

// ── who the visitor is: whoever they say, for as long as the tab is open ──

const birds = ['Petrel', 'Tern', 'Puffin', 'Skua', 'Fulmar', 'Kittiwake', 'Guillemot', 'Shearwater', 'Razorbill', 'Albatross'];

function visitor() {
  const known = sessionStorage.getItem('gannet-visitor');
  if (known) return JSON.parse(known);
  const random = crypto.getRandomValues(new Uint32Array(3));
  const it = { id: `v-${random[0].toString(36)}${random[1].toString(36)}`, name: `${birds[random[2] % birds.length]} ${(random[2] >>> 8) % 90 + 10}` };
  sessionStorage.setItem('gannet-visitor', JSON.stringify(it));
  return it;
}

export const me = visitor();

/** Lets the visitor choose another name in a field; the page is loaded again for it. */
export function nameField(input) {
  input.value = me.name;
  input.maxLength = 24;
  input.addEventListener('change', () => {
    const name = input.value.trim();
    if (!name || name === me.name) return;
    sessionStorage.setItem('gannet-visitor', JSON.stringify({ ...me, name }));
    location.reload();
  });
}

// ── the head of the page ──

const demos = { chat: 'Chat', ticker: 'Ticker', cursors: 'Cursors', answers: 'Answers', notices: 'Notices', snake: 'Snake' };

const state = make('span', { className: 'state', textContent: 'not connected' });
state.setAttribute('role', 'status');

function head() {
  // The index is at the root, the others are beside each other.
  const current = location.pathname.split('/').pop();
  const root = current in demos ? '../' : './';
  const links = Object.entries(demos).map(([name, text]) => {
    const link = make('a', { href: `${root}demo/${name}`, textContent: text });
    if (name === current) link.ariaCurrent = 'page';
    return link;
  });
  const nav = make('nav', { ariaLabel: 'Demos' }, ...links);
  const brand = make('a', { className: 'brand', href: root }, make('img', { src: `${root}demo/gannet.svg`, alt: '' }), 'Gannet');
  const theme = make('button', { className: 'plain', type: 'button', ariaLabel: 'Light or dark', title: 'Light or dark', textContent: '◐' });
  theme.addEventListener('click', () => {
    const other = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    localStorage.setItem('gannet-theme', other);
    document.documentElement.dataset.theme = other;
  });
  find('.top').append(make('div', { className: 'row' }, brand, nav, state, theme));
  const here = nav.querySelector('[aria-current]');
  if (here) nav.scrollLeft = here.offsetLeft - nav.offsetLeft - nav.clientWidth / 2; // in narrow windows
}

// ── the frame log: what really goes over the WebSocket, both ways ──

const kept = 80; // lines
const shown = { list: null, rate: null, first: [], last: [], skipped: 0, frames: 0, paused: false };

// pusher-js makes its WebSockets with whatever stands here. This one listens.
globalThis.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener('message', ({ data }) => log('in', data));
  }

  send(data) {
    log('out', data);
    super.send(data);
  }
};

function log(way, text) {
  shown.frames++;
  if (shown.paused || !shown.list) return;
  // A thousand lines a second are of no use to anybody: the first and the last of each moment will do.
  if (shown.first.length < 8) return shown.first.push({ way, text });
  shown.last.push({ way, text });
  if (shown.last.length > 4) {
    shown.last.shift();
    shown.skipped++;
  }
}

function line({ way, text }) {
  let frame;
  try { frame = JSON.parse(text); } catch { frame = { event: text }; }
  const { event, channel, data, ...rest } = frame;
  const brief = [typeof data === 'string' ? data : JSON.stringify(data), ...Object.keys(rest).map((key) => `${key}: ${rest[key]}`)].filter(Boolean).join('  ');
  const summary = make('summary', {},
    make('span', { className: 'way', textContent: way === 'in' ? '↓' : '↑', title: way === 'in' ? 'from the server' : 'to the server' }),
    make('span', { className: 'name', textContent: event, title: channel ?? '' }),
    make('span', { className: 'data', textContent: brief.slice(0, 120) }));
  const details = make('details', {}, summary);
  details.addEventListener('toggle', () => {
    if (details.open && !details.querySelector('pre')) details.append(make('pre', { textContent: JSON.stringify(frame, null, 2) }));
  });
  return make('li', { className: way }, details);
}

function flush() {
  const { list, first, last } = shown;
  if (first.length === 0) return;
  list.querySelector('.none')?.remove();
  const lines = first.splice(0).map(line);
  if (shown.skipped > 0) lines.push(make('li', { className: 'more', textContent: `${shown.skipped} more at that moment` }));
  lines.push(...last.splice(0).map(line));
  shown.skipped = 0;
  list.prepend(...lines.reverse());
  while (list.children.length > kept) list.lastChild.remove();
}

function frameLog(section) {
  const pause = make('button', { className: 'plain', type: 'button', textContent: 'Pause' });
  pause.addEventListener('click', () => {
    shown.paused = !shown.paused;
    pause.textContent = shown.paused ? 'Go on' : 'Pause';
  });
  shown.rate = make('span', { className: 'rate', textContent: '0 frames/s' });
  shown.list = make('ul', { className: 'frames', tabIndex: 0, ariaLabel: 'Frames, the newest first' }, make('li', { className: 'none', textContent: 'Nothing yet.' }));
  section.append(make('header', {}, make('h2', { textContent: 'On the wire' }), shown.rate, pause), shown.list);
  setInterval(flush, 150);
  setInterval(() => {
    shown.rate.textContent = `${shown.frames} frames/s`;
    shown.frames = 0;
  }, 1000);
}

function source(section) {
  const name = section.dataset.source;
  const details = make('details', { className: 'source' }, make('summary', { textContent: `The source, ${name}` }));
  details.addEventListener('toggle', async () => {
    if (details.querySelector('pre')) return;
    const pre = make('pre', { tabIndex: 0, textContent: '…' });
    details.append(pre);
    pre.textContent = await (await fetch(name)).text();
  });
  section.append(details);
}

head();
for (const section of document.querySelectorAll('[data-log]')) frameLog(section);
for (const section of document.querySelectorAll('[data-source]')) source(section);

/** Shows in the head of the page whether pusher is connected. */
export function show(pusher) {
  const tell = (current) => {
    state.textContent = current;
    state.dataset.state = current;
  };
  tell(pusher.connection.state);
  pusher.connection.bind('state_change', ({ current }) => tell(current));
}

/** Sends a form to the server of the demos, and returns what it answers. */
export async function post(to, fields = {}) {
  const response = await fetch(to, { method: 'POST', body: new URLSearchParams(fields) });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

/** The options by which pusher-js uses the server that this page comes from instead of pusher.com. */
export const here = {
  wsHost: location.hostname,
  wsPort: location.port || 80,
  wssPort: location.port || 443,
  ...(path && { wsPath: path }),
  forceTLS: location.protocol === 'https:',
  enabledTransports: ['ws', 'wss'], // WebSockets or nothing: no fallbacks, which would ask other hosts
  cluster: '',
};
