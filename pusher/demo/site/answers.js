// An answer that is written token by token on a channel with history. Whoever opens the page late gets it from the first letter, whoever
// loses the connection goes on where it broke. Both is resume.mjs; the rest is a stock pusher-js.

import { key, questions } from './server.js';
import resume from '../resume.mjs';
import { find, here, make, note, post, show } from './shell.js';

resume(Pusher, {
  rewind: (channel) => (channel.startsWith('private-demo-answer-') ? 2000 : 0), // new subscriptions begin with the past: so many events of it
});

const pusher = new Pusher(key, { ...here, channelAuthorization: { endpoint: 'auth' } });
show(pusher);

const diary = find('#diary');
let answer; // the channel

// ── asking ──

questions.forEach((question, number) => {
  const button = make('button', { type: 'button', textContent: question });
  button.addEventListener('click', async () => {
    try {
      // The backend answers with a name and begins to publish. It does not wait for us, nor we for it.
      const { id } = await post('answers', { question: number });
      history.pushState(null, '', `?answer=${id}`);
      read(id);
    } catch (error) {
      note(diary, error.message, 'sad');
    }
  });
  find('#asks').append(button);
});

// ── reading ──

function read(id) {
  if (answer) pusher.unsubscribe(answer.name);
  find('#text').replaceChildren(caret);
  find('#question').textContent = '…';
  find('#second').href = `?answer=${id}`;
  find('#second').hidden = false;
  find('#cut').disabled = false;
  let total = 0;
  let count = 0;
  let old = 0;

  answer = pusher.subscribe(`private-demo-answer-${id}`);
  answer.bind('question', ({ text, tokens }) => {
    find('#question').textContent = text;
    total = tokens;
  });
  answer.bind('token', ({ text, at }) => {
    const late = Date.now() - at > 1000;
    append(text, late);
    if (late) old++;
    count++;
    find('#progress').textContent = `${count} of ${total} tokens${old ? `, ${old} of them replayed` : ''}`;
  });
  answer.bind('end', () => {
    caret.remove();
    find('#cut').disabled = true;
    find('#progress').textContent = `All ${count} tokens, each once${old ? `; ${old} of them replayed` : ''}.`;
    note(diary, `The answer is whole: ${count} of ${total} tokens.`, count === total ? 'good' : 'sad');
  });
  answer.bind('pusher:subscription_succeeded', () => note(diary, 'Subscribed.'));
  answer.bind('pusher:resume_recovered', ({ from }) => note(diary, `Recovered: what came after ${from} follows.`, 'good'));
  answer.bind('pusher:resume_gap', ({ reason }) => note(diary, `A gap (${reason}): here, a page would load the text from elsewhere.`, 'sad'));
  answer.bind('pusher:subscription_error', ({ status }) => {
    find('#question').textContent = 'This answer may not be read.';
    note(diary, `Not let in (${status})`, 'sad');
  });
}

const caret = make('span', { className: 'caret' });

/** Appends text, to the last piece if that is of the same kind. */
function append(text, late) {
  const kind = late ? 'again' : 'live';
  let piece = caret.previousSibling;
  if (piece?.className !== kind) {
    piece = make('span', { className: kind });
    caret.before(piece);
  }
  piece.append(text);
}

find('#cut').addEventListener('click', () => {
  note(diary, 'The line is cut for 3 s. The writer does not notice.');
  find('#cut').disabled = true;
  pusher.disconnect();
  setTimeout(() => {
    pusher.connect();
    find('#cut').disabled = !caret.isConnected;
  }, 3000);
});

// The address says what is read, so that it can be given to others.
function fromAddress() {
  const id = new URLSearchParams(location.search).get('answer');
  if (id && /^[0-9a-f]{16}$/.test(id)) read(id);
}
addEventListener('popstate', fromAddress);
fromAddress();
