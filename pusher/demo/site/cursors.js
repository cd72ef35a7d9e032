// Everybody's pointer. The positions go from browser to browser as client events; CSS moves the pointers smoothly in between.

import { key } from './server.js';
import { find, here, hue, make, me, nameField, nameOf, show } from './shell.js';

const pusher = new Pusher(key, {
  ...here,
  channelAuthorization: { endpoint: 'auth', params: { user: me.id, name: me.name } },
});
show(pusher);

const field = find('#field');
const room = pusher.subscribe('presence-demo-cursors');
const cursors = new Map(); // user id → element

// ── what comes ──

// Data of strangers may be anything: place and ripple look at it before they use it.
room.bind('client-move', (at, { user_id: id }) => place(id, at?.x, at?.y));
room.bind('client-ping', (at, { user_id: id }) => { place(id, at?.x, at?.y); ripple(id, at?.x, at?.y); });
room.bind('pusher:member_removed', ({ id }) => { remove(id); count(); });
room.bind('pusher:member_added', () => { count(); tell(); }); // so that whoever comes sees us, too
room.bind('pusher:subscription_succeeded', () => {
  for (const id of cursors.keys()) if (!room.members.get(id)) remove(id); // left while we were away
  count();
  tell();
});

function remove(id) {
  cursors.get(id)?.remove();
  cursors.delete(id);
}

function count() {
  const others = room.members.count - 1;
  find('#count').textContent = others === 0 ? 'You are alone here.' : others === 1 ? 'One other is here.' : `${others} others are here.`;
}

// ── what goes: the newest position, not more often than every 110 ms ──

const at = { x: 0.5, y: 0.4 };
let waiting;
let last = 0;

function tell() {
  if (waiting || !room.subscribed) return;
  waiting = setTimeout(() => {
    waiting = undefined;
    last = performance.now();
    room.trigger('client-move', { x: round(at.x), y: round(at.y) });
  }, Math.max(0, last + 110 - performance.now()));
}
const round = (n) => Math.round(n * 10000) / 10000;

function moveTo(x, y) {
  Object.assign(at, { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) });
  place(me.id, at.x, at.y);
  find('#say').hidden = true;
  tell();
}

let pinged = 0;
function ping() {
  ripple(me.id, at.x, at.y);
  if (performance.now() - pinged < 1000 || !room.subscribed) return; // leaves room for the moves
  pinged = performance.now();
  room.trigger('client-ping', { x: round(at.x), y: round(at.y) });
}

field.addEventListener('pointermove', ({ clientX, clientY }) => {
  const box = field.getBoundingClientRect();
  moveTo((clientX - box.left) / box.width, (clientY - box.top) / box.height);
});
field.addEventListener('pointerdown', ping);
field.addEventListener('keydown', (press) => {
  const step = { ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.03], ArrowDown: [0, 0.03] }[press.key];
  if (step) moveTo(at.x + step[0], at.y + step[1]);
  else if (press.key === ' ') ping();
  else return;
  press.preventDefault();
});

// ── drawing ──

const arrow = 'M2 1 L2 17 L6.5 13 L10 20 L13 18.5 L9.6 11.8 L15.5 11.5 Z';

const inside = (n) => typeof n === 'number' && n >= 0 && n <= 1;

function place(id, x, y) {
  if (!inside(x) || !inside(y)) return;
  const member = id === me.id ? { info: me } : room.members.get(id);
  if (!member) return;
  let cursor = cursors.get(id);
  if (!cursor) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 22 22');
    svg.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'path')).setAttribute('d', arrow);
    cursor = make('div', { className: id === me.id ? 'cursor mine' : 'cursor' }, svg, make('span', { textContent: id === me.id ? 'You' : nameOf(member) }));
    cursor.dataset.id = id;
    cursor.style.setProperty('--hue', hue(id));
    cursors.set(id, cursor);
    field.append(cursor);
  }
  cursor.at = [x, y];
  cursor.style.transform = `translate(${(x * field.clientWidth).toFixed(1)}px, ${(y * field.clientHeight).toFixed(1)}px)`;
}

new ResizeObserver(() => { for (const [id, { at: [x, y] }] of cursors) place(id, x, y); }).observe(field);

function ripple(id, x, y) {
  if (!inside(x) || !inside(y) || field.querySelectorAll('.ripple').length > 20) return;
  const ring = make('span', { className: 'ripple' });
  ring.style.setProperty('--hue', hue(id));
  ring.style.left = `${x * 100}%`;
  ring.style.top = `${y * 100}%`;
  setTimeout(() => ring.remove(), 900);
  field.append(ring);
}

nameField(find('#name'));
