// A board of quotes on one channel whose rule is { history, cache: keyed, slow: conflate }. Stock pusher-js; resume.mjs makes it go on
// where it was after a reconnect, and tells what the server left out.

import { key } from './server.js';
import resume from '../resume.mjs';
import { find, here, make, note, post, show } from './shell.js';

resume(Pusher); // once, before new Pusher

const pusher = new Pusher(key, here);
show(pusher);

const ticker = pusher.subscribe('demo-ticker');
ticker.bind('pusher:subscription_succeeded', () => post('ticker')); // in the demos, a ticker ticks while somebody looks

const board = new Map(); // symbol → its cell and its newest quote
const changed = new Set(); // symbols to draw
let received = 0;
let replaying = 0; // quotes that came since the replay began
let newest = 0; // time of the newest quote

ticker.bind_global((symbol, quote) => {
  if (symbol.startsWith('pusher:')) return;
  work();
  received++;
  newest = quote.at;
  if (replaying >= 0 && recovering) replaying++;
  if (!board.has(symbol)) board.set(symbol, { cell: newCell(symbol) });
  board.get(symbol).quote = quote;
  changed.add(symbol);
});

// ── what the server tells of its own accord ──

const diary = find('#diary');
const number = new Intl.NumberFormat('en');
let leftOut = 0;
let recovering = false;

pusher.bind('resume:lag', ({ missed }) => {
  leftOut += missed;
  tellLag();
});
pusher.bind('resume:recovered', ({ from }) => {
  note(diary, `Recovered. What was missed since ${from} follows.`, 'good');
  recovering = true;
  replaying = 0;
});
pusher.bind('resume:gap', ({ reason }) => note(diary, `A gap (${reason}): too much was missed. The newest quote of each symbol follows.`, 'sad'));

let lagTold = 0; // of leftOut
let lagTimer;
function tellLag() { // notices come many a second; the diary gets one line
  lagTimer ??= setTimeout(() => {
    note(diary, `Too slow: the server left out ${number.format(leftOut - lagTold)} quotes that newer ones had replaced.`, 'note');
    lagTold = leftOut;
    lagTimer = undefined;
  }, 2000);
}

// ── making it hard ──

let cost = 0; // ms

/** Does nothing, for as long as a page that does too much with each message would take. */
function work() {
  if (cost === 0) return;
  for (const end = performance.now() + cost; performance.now() < end;);
}

find('#slow').addEventListener('input', ({ target }) => {
  cost = Number(target.value);
  find('#cost').textContent = `${cost} ms`;
});

function cut(seconds) {
  note(diary, `The line is cut for ${seconds} s. Quotes go on without us.`);
  recovering = false;
  for (const button of document.querySelectorAll('.pair button')) button.disabled = true;
  pusher.disconnect();
  setTimeout(() => {
    pusher.connect();
    for (const button of document.querySelectorAll('.pair button')) button.disabled = false;
  }, seconds * 1000);
}
find('#cut').addEventListener('click', () => cut(3));
find('#long').addEventListener('click', () => cut(40));

// ── drawing, at most once a frame, however many quotes come ──

const lines = 'http://www.w3.org/2000/svg';

function newCell(symbol) {
  const svg = document.createElementNS(lines, 'svg');
  svg.setAttribute('viewBox', '0 0 60 18');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.ariaHidden = 'true';
  const curve = svg.appendChild(document.createElementNS(lines, 'polyline'));
  for (const [name, value] of Object.entries({ fill: 'none', stroke: 'currentColor', 'stroke-width': '1.5', 'vector-effect': 'non-scaling-stroke' })) curve.setAttribute(name, value);
  const change = make('i');
  const price = make('span');
  const cell = make('li', {}, make('b', {}, symbol, change), price, svg);
  // The symbols stay in the order of the alphabet.
  const after = [...board.keys()].filter((other) => other > symbol).sort()[0];
  find('#board').insertBefore(cell, after ? board.get(after).cell.li : null);
  return { li: cell, price, change, curve };
}

function draw() {
  for (const symbol of changed) {
    const { cell, quote } = board.get(symbol);
    const price = quote.line.at(-1);
    const percent = (price / quote.open - 1) * 100;
    cell.price.textContent = price.toFixed(2);
    cell.change.textContent = `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(1)}`;
    cell.li.className = percent < 0 ? 'down' : 'up';
    const low = Math.min(...quote.line);
    const high = Math.max(...quote.line, low + 0.01);
    cell.curve.setAttribute('points', quote.line.map((each, i) => `${(i * 60 / (quote.line.length - 1)).toFixed(1)},${(16 - 14 * (each - low) / (high - low)).toFixed(1)}`).join(' '));
  }
  changed.clear();
  requestAnimationFrame(draw);
}
requestAnimationFrame(draw);

let before = performance.now();
setInterval(() => {
  const now = performance.now();
  const rate = received * 1000 / (now - before);
  find('#received').textContent = `${Math.round(rate)} /s`;
  find('#left').textContent = number.format(leftOut);
  find('#left').parentElement.className = leftOut > lagTold ? 'warn' : '';
  const age = newest && Math.max(0, Date.now() - newest);
  find('#age').textContent = !newest ? '–' : age < 1000 ? `${age} ms` : `${(age / 1000).toFixed(1)} s`;
  find('#age').parentElement.className = age > 1000 ? 'warn' : '';
  if (recovering && age < 500) { // it has caught up
    find('#replayed').textContent = number.format(replaying);
    note(diary, `${number.format(replaying)} quotes came since, each once and in order.`, 'good');
    recovering = false;
  }
  received = 0;
  before = now;
}, 1000);
