// A chat on one presence channel. The members and who said what come from Gannet; there is no code on the server but the
// endpoint that signs who may join.

import { key } from './server.js';
import { clock, find, here, make, me, nameField, nameOf, portrait, show } from './shell.js';

const pusher = new Pusher(key, {
  ...here, // where Gannet is
  channelAuthorization: { endpoint: 'auth', params: { user: me.id, name: me.name } },
});
show(pusher);

const room = pusher.subscribe('presence-demo-chat');

// ── who is here: pusher-js keeps the list, we only draw it ──

function drawMembers() {
  const all = [];
  room.members.each((member) => {
    const [id, name] = [member.id, nameOf(member)];
    all.push(make('li', {}, portrait({ id, name }), id === me.id ? `${name} (you)` : name));
  });
  find('#members').replaceChildren(...all);
  find('#count').textContent = `${room.members.count} here`;
}

room.bind('pusher:subscription_succeeded', drawMembers); // also after a reconnect
room.bind('pusher:member_added', (member) => { drawMembers(); told(`${nameOf(member)} has come`); });
room.bind('pusher:member_removed', (member) => { drawMembers(); stopped(member.id); told(`${nameOf(member)} has left`); });
room.bind('pusher:subscription_error', ({ status }) => told(`Not let in (${status})`));

// ── messages ──

// What comes from others is data of strangers: it may be anything, and it goes into the page as text.
room.bind('client-message', (message, { user_id: id }) => {
  stopped(id);
  if (typeof message?.text === 'string') add(id, nameOf(room.members.get(id)), message.text.slice(0, 500));
});

find('#composer').addEventListener('submit', (submit) => {
  submit.preventDefault();
  const field = find('#text');
  const text = field.value.trim();
  if (!text || !room.subscribed) return;
  room.trigger('client-message', { text });
  add(me.id, me.name, text); // the sender does not get it back
  field.value = '';
});

function add(id, name, text) {
  const bubble = make('div', { className: 'bubble' }, make('b', { textContent: `${name} · ${clock()}` }), text);
  append(make('li', { className: id === me.id ? 'mine' : '' }, portrait({ id, name }), bubble));
}

const told = (text) => append(make('li', { className: 'told', textContent: text }));

function append(item) {
  const list = find('#messages');
  list.append(item);
  while (list.children.length > 200) list.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}

// ── typing: told at most every two seconds, and forgotten after three ──

const typing = new Map(); // user id → timer
let lastTold = 0;

find('#text').addEventListener('input', () => {
  if (Date.now() - lastTold < 2000 || !room.subscribed) return;
  lastTold = Date.now();
  room.trigger('client-typing', {});
});

room.bind('client-typing', (_, { user_id: id }) => {
  clearTimeout(typing.get(id));
  typing.set(id, setTimeout(() => stopped(id), 3000));
  drawTyping();
});

function stopped(id) {
  clearTimeout(typing.get(id));
  typing.delete(id);
  drawTyping();
}

function drawTyping() {
  const names = [...typing.keys()].map((id) => nameOf(room.members.get(id)));
  find('#typing').textContent = names.length === 0 ? '' : names.length > 2 ? 'Several people are typing…' : `${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} typing…`;
}

nameField(find('#name'));
