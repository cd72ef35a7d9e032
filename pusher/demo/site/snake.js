// A game without a game server. Each browser moves its own snake, eight times a second, and sends all of it as a client event; the others
// draw what they hear. Good enough among friends: a referee would be a backend that publishes.

import { key } from './server.js';
import { find, here, hue, make, me, nameField, nameOf, portrait, show } from './shell.js';

const pusher = new Pusher(key, {
  ...here,
  channelAuthorization: { endpoint: 'auth', params: { user: me.id, name: me.name } },
});
show(pusher);
const room = pusher.subscribe('presence-demo-snake');

const [wide, high] = [32, 22]; // cells
const turns = { up: [0, -1], left: [-1, 0], down: [0, 1], right: [1, 0] };

// ── the state: our snake, theirs, and how many dots were eaten by all together ──

let body; // cells from the head to the tail
let turn; // the direction of the last step
let next; // of the next one
let score = 0;
let eaten = 0;
const others = new Map(); // user id → { body, score }

/** The place of dot number n: the same arithmetic everywhere, so that it need not be told. */
function dot(n) {
  const x = Math.imul(n + 1, 2654435761) >>> 0;
  const y = Math.imul(x ^ (x >>> 15), 2246822519) >>> 0;
  return [x % wide, y % high];
}

function begin() {
  const [x, y] = [4 + Math.floor(Math.random() * (wide - 8)), 4 + Math.floor(Math.random() * (high - 8))];
  turn = next = x < wide / 2 ? 'right' : 'left';
  body = [0, 1, 2].map((n) => [x - n * turns[turn][0], y]);
  score = 0;
}

function step() {
  turn = next;
  const head = [(body[0][0] + turns[turn][0] + wide) % wide, (body[0][1] + turns[turn][1] + high) % high]; // the edges are doors
  if ([body, ...[...others.values()].map((other) => other.body)].some((each) => each.some((cell) => same(cell, head)))) return begin();
  body.unshift(head);
  if (same(head, dot(eaten))) {
    eaten++;
    score++;
  } else body.pop();
  if (body.length > 120) body.pop();
}

const same = (a, b) => a[0] === b[0] && a[1] === b[1];

// ── the wire ──

setInterval(() => {
  if (!room.subscribed) return;
  if (!document.hidden) step();
  room.trigger('client-snake', { body, score, eaten });
  drawScores();
}, 125);

room.bind('client-snake', (message, { user_id: id }) => {
  // Anybody can send anything: only what is a snake is drawn.
  const { body: cells, score: points, eaten: dots } = message ?? {};
  const inside = (cell) => Array.isArray(cell) && Number.isInteger(cell[0]) && Number.isInteger(cell[1]) && cell[0] >= 0 && cell[0] < wide && cell[1] >= 0 && cell[1] < high;
  if (!room.members.get(id) || !Array.isArray(cells) || cells.length > 120 || !cells.every(inside)) return;
  others.set(id, { body: cells, score: Number.isSafeInteger(points) ? points : 0 });
  if (Number.isSafeInteger(dots) && dots > eaten && dots < eaten + 1000) eaten = dots;
});
room.bind('pusher:member_removed', ({ id }) => others.delete(id));
room.bind('pusher:subscription_succeeded', () => { for (const id of others.keys()) if (!room.members.get(id)) others.delete(id); });

// ── steering ──

function steer(to) {
  if (turns[to][0] + turns[turn][0] !== 0 || turns[to][1] + turns[turn][1] !== 0) next = to; // not backwards
}
const keys = { ArrowUp: 'up', ArrowLeft: 'left', ArrowDown: 'down', ArrowRight: 'right', w: 'up', a: 'left', s: 'down', d: 'right' };
addEventListener('keydown', (press) => {
  if (!keys[press.key] || press.target.matches('input, textarea, .frames, pre')) return;
  steer(keys[press.key]);
  press.preventDefault();
});
for (const button of document.querySelectorAll('[data-turn]')) button.addEventListener('click', () => steer(button.dataset.turn));

let touched;
find('#sea').addEventListener('pointerdown', ({ clientX, clientY }) => { touched = [clientX, clientY]; });
find('#sea').addEventListener('pointerup', ({ clientX, clientY }) => {
  const [x, y] = [clientX - touched?.[0], clientY - touched?.[1]];
  if (Math.hypot(x, y) > 20) steer(Math.abs(x) > Math.abs(y) ? (x > 0 ? 'right' : 'left') : y > 0 ? 'down' : 'up');
});

// ── drawing ──

const paint = find('#sea').getContext('2d');
const size = 960 / wide;

function draw() {
  paint.clearRect(0, 0, 960, 660);
  const style = getComputedStyle(document.documentElement);
  const [x, y] = dot(eaten);
  paint.fillStyle = style.getPropertyValue('--buff');
  paint.beginPath();
  paint.arc((x + 0.5) * size, (y + 0.5) * size, size * 0.36, 0, 7);
  paint.fill();
  for (const [id, other] of others) drawSnake(other.body, hue(id), 0.75);
  drawSnake(body, hue(me.id), 1);
  requestAnimationFrame(draw);
}

function drawSnake(cells, colour, opacity) {
  paint.globalAlpha = opacity;
  cells.forEach(([x, y], i) => {
    paint.fillStyle = `oklch(${i === 0 ? 52 : 68}% .13 ${colour})`;
    paint.beginPath();
    paint.roundRect(x * size + 1.5, y * size + 1.5, size - 3, size - 3, i === 0 ? 11 : 7);
    paint.fill();
  });
  paint.globalAlpha = 1;
}

let scoresAre = '';
function drawScores() {
  const all = [{ id: me.id, name: me.name, score }];
  for (const [id, other] of others) all.push({ id, name: nameOf(room.members.get(id)), score: other.score });
  all.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
  const now = JSON.stringify(all);
  if (now === scoresAre) return;
  scoresAre = now;
  find('#scores').replaceChildren(...all.slice(0, 12).map((each) => {
    const picture = portrait(each);
    picture.textContent = '';
    const item = make('li', {}, picture, make('span', { textContent: each.id === me.id ? `${each.name} (you)` : each.name }), make('b', { textContent: each.score }));
    item.dataset.id = each.id;
    return item;
  }));
}

begin();
draw();
drawScores();
nameField(find('#name'));
