// One number that is live: how many windows show this page. The server counts the subscribers of each channel, and tells them.

import { key } from './server.js';
import { find, here, show } from './shell.js';

const pusher = new Pusher(key, here);
show(pusher);

const channel = pusher.subscribe('demo-everybody');
channel.bind('pusher:subscription_count', ({ subscription_count: count }) => {
  find('#open').textContent = count;
  find('#windows').textContent = count === 1 ? 'window is' : 'windows are';
  find('.live').hidden = false;
});
