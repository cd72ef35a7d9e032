// How webhooks do, and what was given up: to look at, to send again, to forget.

import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { get, post, query } from '../api/client';
import type { Letter, Letters, Trial, Webhook, Webhooks } from '../api/types';
import { ago, bytes, count, plural, pretty, span, stamp } from '../data/format';
import { useNow, usePoll } from '../data/poll';
import { AppSelect } from '../parts/appselect';
import { Bones, Confirm, Dialog, Nothing, Panel, Scroll, Tag, Trouble } from '../parts/basics';
import { announce } from '../parts/status';
import { href, refine, route } from '../route';
import { cluster, self } from '../state';

/** How many webhooks fail now, as last seen; the side shows it. */
export const webhookTrouble = signal(0);

interface Done { letters: number; error?: string }

/** Each node sends what it is to tell, and keeps what it could not: here is how the others do. */
function OtherNodes() {
  const c = cluster.value;
  const others = self.value ? c?.nodes.filter(({ id, hooks_failing, dead_letters, hooks_queued }) => id !== c.self && ((hooks_failing ?? 0) > 0 || (dead_letters ?? 0) > 0 || (hooks_queued ?? 0) > 0)) ?? [] : [];
  if (others.length === 0) return null;
  return (
    <div class={`note ${others.some(({ hooks_failing }) => (hooks_failing ?? 0) > 0) ? 'warn' : ''}`}>
      <span>
        {others.map(({ id, name, console, hooks_failing, dead_letters, hooks_queued }) => (
          <span key={id} style={{ display: 'block' }}>
            Node {console ? <a href={console + href(['webhooks'])}>{name}</a> : <b>{name}</b>}: {(hooks_failing ?? 0) > 0 ? `${plural(hooks_failing ?? 0, 'webhook')} failing, ` : ''}{plural(hooks_queued ?? 0, 'event')} waiting, {plural(dead_letters ?? 0, 'dead letter')}
          </span>
        ))}
      </span>
    </div>
  );
}

export function WebhooksView() {
  const { app = '', webhook = '' } = route.value.query;
  const now = useNow();
  const hooks = usePoll('webhooks', 3000, async (cancel) => {
    const all = await get<Webhooks>('/webhooks', cancel);
    webhookTrouble.value = all.webhooks.filter(({ failing }) => failing).length;
    return all;
  });
  const [trial, setTrial] = useState<Webhook | null>(null);
  const d = hooks.data;
  const shown = d?.webhooks.filter((hook) => app === '' || hook.app === app);
  return (
    <>
      {hooks.error ? <Trouble error={hooks.error} again={hooks.again} /> : null}
      <div class="row">
        <AppSelect any="All apps" value={app} onValue={(next) => refine({ app: next, webhook: undefined })} />
        {d ? <span class="faint push wide">{self.value ? `What node ${self.value} tells. ` : ''}{d.durable ? 'Kept on disk: a crash loses none' : <>In memory: set <code>data_dir</code> to have them outlive the process</>}</span> : null}
      </div>
      <OtherNodes />
      <Panel title="Webhooks" flush>
        <Scroll>
          <table>
            <thead><tr><th>Webhook</th><th class="wide">App</th><th class="wide">Tells</th><th>State</th><th class="number wide">Waiting</th><th class="number wide">Oldest</th><th class="number"><span class="away">Actions</span></th></tr></thead>
            <tbody>
              {hooks.waiting ? <Bones columns={7} rows={2} /> : shown?.map((hook) => (
                <tr key={`${hook.app}/${hook.webhook}`}>
                  <td style={{ minWidth: '130px' }}><div style={{ fontWeight: 500 }}>{hook.webhook}</div><div class="faint wrap" style={{ fontSize: 'var(--small)' }}>{hook.url}</div></td>
                  <td class="wide soft">{hook.app}</td>
                  <td class="wide soft">{hook.events.map((name) => name.replaceAll('_', ' ')).join(', ')}</td>
                  <td>{hook.failing ? <Tag tone="bad">failing</Tag> : <Tag tone="good">ok</Tag>}{hook.sending > 0 ? <> <Tag>{hook.sending} under way</Tag></> : null}</td>
                  <td class="number wide">{count(hook.queued_events)}</td>
                  <td class="number wide soft">{hook.oldest ? ago(hook.oldest, now) : '–'}</td>
                  <td class="number"><button type="button" class="button small" onClick={() => setTrial(hook)}>Test…</button></td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
        {shown?.length === 0 ? <Nothing title={app ? 'This app has no webhooks' : 'There are no webhooks'}><p>They are named in the configuration, below <code>webhooks</code> of an app.</p></Nothing> : null}
      </Panel>
      <DeadLetters app={app} webhook={webhook} kept={d} onDone={hooks.again} />
      {trial ? <TryIt hook={trial} onClose={() => setTrial(null)} /> : null}
    </>
  );
}

function DeadLetters({ app, webhook, kept, onDone }: { app: string; webhook: string; kept: Webhooks | null; onDone: () => void }) {
  const now = useNow();
  const key = `${app} ${webhook}`;
  const [more, setMore] = useState<{ key: string; dead: Letter[]; next: string | undefined } | null>(null);
  const poll = usePoll(key, 5000, (cancel) => get<Letters>(`/webhooks/dead${query({ app, webhook, limit: 50 })}`, cancel));
  const [picked, pick] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState('');
  const [asking, ask] = useState<'replay' | 'discard' | null>(null);
  const first = poll.data?.dead ?? [];
  const behind = more?.key === key ? more : null;
  const dead = [...first, ...(behind?.dead ?? []).filter(({ id }) => !first.some((letter) => letter.id === id))];
  const next = behind ? behind.next : poll.data?.next;
  const chosen = dead.filter(({ id }) => picked.has(id));
  const choice = chosen.length > 0 ? { ids: chosen.map(({ id }) => id) } : app !== '' ? { app, ...(webhook ? { webhook } : {}) } : { all: true };
  const which = chosen.length > 0 ? plural(chosen.length, 'dead letter') : app !== '' ? `all dead letters of app ${app}` : `all ${plural(kept?.dead_letters ?? dead.length, 'dead letter')}`;
  const act = async (what: 'replay' | 'discard') => {
    const { letters, error } = await post<Done>(`/webhooks/${what}`, choice);
    announce(`${plural(letters, 'dead letter')} ${what === 'replay' ? 'sent again' : 'forgotten'}${error ? `, then: ${error}` : ''}`);
    pick(new Set());
    setMore(null);
    poll.again();
    onDone();
  };
  return (
    <Panel flush title={<>Dead letters {kept && kept.dead_letters > 0 ? <span class="faint" style={{ fontWeight: 450 }}>{count(kept.dead_letters)}, {bytes(kept.dead_bytes)}</span> : null}</>}
      tools={dead.length > 0 ? (
        <>
          <button type="button" class="button small" onClick={() => ask('replay')}>Replay {chosen.length > 0 ? chosen.length : 'all'}…</button>
          <button type="button" class="button small danger" onClick={() => ask('discard')}>Discard {chosen.length > 0 ? chosen.length : 'all'}…</button>
        </>
      ) : undefined}>
      {poll.error ? <div class="body"><Trouble error={poll.error} again={poll.again} /></div> : null}
      {!poll.waiting && dead.length === 0 && !poll.error ? <Nothing title="Nothing was given up"><p>What a receiver did not take within the time for retries is kept here for a week.</p></Nothing> : (
        <Scroll>
          <table>
            <thead>
              <tr>
                <th class="tight"><input type="checkbox" aria-label="Choose all that are shown" checked={dead.length > 0 && chosen.length === dead.length} onChange={(e) => pick(e.currentTarget.checked ? new Set(dead.map(({ id }) => id)) : new Set())} /></th>
                <th>Delivery</th><th class="wide">Webhook</th><th>Reason</th><th class="number wide">Tries</th><th class="number wide">Events</th><th class="number">Given up</th>
              </tr>
            </thead>
            <tbody>
              {poll.waiting ? <Bones columns={7} rows={3} /> : dead.map((letter) => (
                <>
                  <tr key={letter.id}>
                    <td class="tight"><input type="checkbox" aria-label={`Choose ${letter.id}`} checked={picked.has(letter.id)} onChange={(e) => {
                      const now = new Set(picked);
                      if (e.currentTarget.checked) now.add(letter.id); else now.delete(letter.id);
                      pick(now);
                    }} /></td>
                    <td class="name cut"><button type="button" class="link mono" aria-expanded={open === letter.id} aria-label={letter.id} onClick={() => setOpen(open === letter.id ? '' : letter.id)}><Delivery id={letter.id} /></button></td>
                    <td class="wide soft">{letter.app} / {letter.webhook}</td>
                    <td><Tag tone={letter.reason === 'expired' || letter.reason === 'overflow' ? 'warn' : 'bad'}>{letter.reason}</Tag></td>
                    <td class="number wide">{count(letter.tries)}</td>
                    <td class="number wide">{count(letter.events.length)}</td>
                    <td class="number soft" title={stamp(letter.died)}>{ago(letter.died, now)}</td>
                  </tr>
                  {open === letter.id ? (
                    <tr key={`${letter.id} open`}>
                      <td colSpan={7}>
                        <p class="soft">{plural(letter.events.length, 'event')} for {letter.app} / {letter.webhook}, the first at {stamp(letter.created)}; tried for {span((Date.parse(letter.died) - Date.parse(letter.created)) / 1000)}</p>
                        <pre class="code" tabIndex={0} aria-label="Events" style={{ marginTop: '8px' }}>{JSON.stringify(letter.events, null, 2)}</pre>
                      </td>
                    </tr>
                  ) : null}
                </>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {next ? (
        <div class="more"><span>{count(dead.length)} of {count(kept?.dead_letters ?? dead.length)}</span>
          <button type="button" class="button small push" onClick={() => {
            get<Letters>(`/webhooks/dead${query({ app, webhook, before: next, limit: 50 })}`).then((page) => setMore({ key, dead: [...dead, ...page.dead], next: page.next }), (e: unknown) => announce(String(e)));
          }}>Older</button>
        </div>
      ) : null}
      {asking === 'replay' ? (
        <Confirm title={`Replay ${which}?`} action="Replay" onClose={() => ask(null)} onDo={() => act('replay')}>
          <p class="soft">They are sent again, late: a receiver may see them behind newer events of the same channels. The body and its delivery id are the same as before.</p>
        </Confirm>
      ) : null}
      {asking === 'discard' ? (
        <Confirm title={`Discard ${which}?`} action="Discard" onClose={() => ask(null)} onDo={() => act('discard')}>
          <p class="soft">They are forgotten. Nobody can send them again.</p>
        </Confirm>
      ) : null}
    </Panel>
  );
}

/** An id whose beginning, the same for all of a server's run, gives way on a phone. */
function Delivery({ id }: { id: string }) {
  const at = id.lastIndexOf('-') + 1;
  return <><span class="wide">{id.slice(0, at)}</span>{id.slice(at)}</>;
}

function TryIt({ hook, onClose }: { hook: Webhook; onClose: () => void }) {
  const [event, setEvent] = useState(hook.events[0] ?? 'channel_occupied');
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<Trial | null>(null);
  const [error, setError] = useState<unknown>(null);
  return (
    <Dialog label={`Test ${hook.webhook}`} onClose={onClose}>
      <form onSubmit={(e) => {
        e.preventDefault();
        setBusy(true);
        setError(null);
        post<Trial>('/webhooks/test', { app: hook.app, webhook: hook.webhook, event }).then(setResult, setError).finally(() => setBusy(false));
      }}>
        <h2>Test {hook.webhook}</h2>
        <p class="soft wrap">A sample is sent to {hook.url}, signed as real ones are.</p>
        <div class="field"><label for="trial-event">Event</label>
          <select id="trial-event" class="input" value={event} onChange={(e) => setEvent(e.currentTarget.value)}>{hook.events.map((name) => <option key={name} value={name}>{name}</option>)}</select>
        </div>
        {error ? <Trouble error={error} /> : null}
        {result ? (
          <div class={`note ${result.ok ? 'good' : 'bad'}`} role="status" style={{ display: 'block' }}>
            <div>{result.ok ? 'The receiver is content' : result.error ?? `The receiver is not content: ${result.reason ?? ''}`}{result.status ? `, status ${result.status}` : ''}, {count(result.took_ms)} ms</div>
            {result.body ? <pre class="mono" style={{ marginTop: '6px' }}>{result.body}</pre> : null}
          </div>
        ) : null}
        {result ? <details><summary>What was sent</summary><pre class="code" tabIndex={0} aria-label="What was sent">{pretty(result.sent)}</pre></details> : null}
        <div class="row">
          <button type="button" class="button" onClick={onClose}>Close</button>
          <button type="submit" class="button main" disabled={busy}>{busy ? 'Sending…' : result ? 'Send again' : 'Send'}</button>
        </div>
      </form>
    </Dialog>
  );
}
