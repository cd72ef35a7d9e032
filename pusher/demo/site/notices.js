// Signing in: events for one user wherever they are, and a watchlist of friends. The server's half is /demo/user-auth, which signs who
// this is, and /demo/notices, which publishes to a user.

import { key, people } from './server.js';
import { clock, find, here, make, portrait, post, show } from './shell.js';

// Who this window is: as the address says, or somebody by chance.
const asked = new URLSearchParams(location.search).get('as');
const self = people.find(({ id }) => id === asked) ?? people[Math.floor(Math.random() * people.length)];
if (self.id !== asked) history.replaceState(null, '', `?as=${self.id}`);

const pusher = new Pusher(key, {
  ...here,
  userAuthentication: { endpoint: 'user-auth', params: { user: self.id } },
});
show(pusher);
pusher.signin();

// ── what is for us, and for nobody else ──

pusher.user.bind('notice', ({ from, text, at }) => {
  find('#inbox .none')?.remove();
  find('#inbox').prepend(make('li', {}, make('b', { textContent: `${from} · ${clock(at)}` }), text));
  while (find('#inbox').children.length > 20) find('#inbox').lastChild.remove();
});

// ── who of our friends is there: all that are, when we sign in, and then whoever comes and goes ──

const online = new Set();

pusher.user.watchlist.bind('online', ({ user_ids: ids }) => { ids.forEach((id) => online.add(id)); draw(); });
pusher.user.watchlist.bind('offline', ({ user_ids: ids }) => { ids.forEach((id) => online.delete(id)); draw(); });
pusher.connection.bind('disconnected', () => { online.clear(); draw(); });

function draw() {
  find('#people').replaceChildren(...people.map((person) => {
    const { id, name } = person;
    const presence = id === self.id ? 'you' : online.has(id) ? 'online' : 'offline';
    const item = make('li', { className: id === self.id ? 'self' : presence }, portrait(person), make('b', { textContent: name }), make('span', { className: 'presence', textContent: presence }));
    item.dataset.id = id;
    return item;
  }));
}
draw();

// ── telling somebody something is for the backend to do: it decides who may ──

find('#tell').addEventListener('submit', async (submit) => {
  submit.preventDefault();
  const text = find('#text').value.trim();
  if (text) await post('notices', { from: self.id, to: find('#to').value, text });
});

const friends = people.filter(({ id }) => id !== self.id);
find('#to').append(...friends.map(({ id, name }) => make('option', { value: id, textContent: name })));
find('#self').textContent = self.name;
find('#others').append(...friends.flatMap(({ id, name }) => [make('a', { href: `?as=${id}`, target: '_blank', rel: 'noopener', textContent: name }), ' ']));
