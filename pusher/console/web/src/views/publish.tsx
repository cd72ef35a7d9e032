// Writing an event and publishing it, as a backend would.

import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, api, post, say } from '../api/client';
import { names, notJSON } from '../data/draft';
import { bytes, clock, count } from '../data/format';
import { AppSelect } from '../parts/appselect';
import { Field, Nothing, Panel, Tag } from '../parts/basics';
import { href, refine, route } from '../route';
import { likely, remember } from '../state';

interface Draft { channels: string; event: string; data: string; socket: string }
interface Sent extends Draft { at: number; app: string; receivers: Record<string, number | null>; error: string }

// Of this page; another view may be open in between.
let log: Sent[] = [];

export function PublishView() {
  const q = route.value.query;
  const app = q['app'] ?? likely();
  useEffect(() => remember(app), [app]);
  const [draft, set] = useState<Draft>({ channels: q['channel'] ?? '', event: q['event'] ?? '', data: q['data'] ?? '{\n  "hello": "world"\n}', socket: '' });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [sent, setSent] = useState(log);
  const form = useRef<HTMLFormElement>(null);
  const size = new TextEncoder().encode(draft.data).length;
  const wrong = notJSON(draft.data);
  const change = (part: Partial<Draft>) => { set((before) => ({ ...before, ...part })); setError(null); };

  const publish = async () => {
    setBusy(true);
    setError(null);
    try {
      const answer = await post<{ channels?: Record<string, { receivers?: number | null }> }>(api`/apps/${app}/events`, {
        name: draft.event.trim(), channels: names(draft.channels), data: draft.data, ...(draft.socket.trim() ? { socket_id: draft.socket.trim() } : {}),
      });
      const receivers = Object.fromEntries(names(draft.channels).map((name) => [name, answer.channels?.[name]?.receivers ?? null]));
      log = [{ ...draft, at: Date.now(), app, receivers, error: '' }, ...log].slice(0, 20);
      setSent(log);
    } catch (failed) {
      setError(failed);
    } finally {
      setBusy(false);
    }
  };

  return (
    <div class="columns two">
      <Panel title="An event">
        <form ref={form} style={{ display: 'grid', gap: '14px' }}
          onSubmit={(e) => { e.preventDefault(); void publish(); }}
          onKeyDown={(e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); form.current?.requestSubmit(); } }}>
          <AppSelect labelled value={app} onValue={(next) => refine({ app: next })} />
          <Field label="Channels" hint="Several with blanks or commas between">
            {(ids) => <input {...ids} class="input" value={draft.channels} required pattern=".*\S.*" spellcheck={false} autocomplete="off" data-search placeholder="my-channel" onInput={(e) => change({ channels: e.currentTarget.value })} />}
          </Field>
          <Field label="Event">
            {(ids) => <input {...ids} class="input" value={draft.event} required pattern=".*\S.*" spellcheck={false} autocomplete="off" placeholder="my-event" onInput={(e) => change({ event: e.currentTarget.value })} />}
          </Field>
          <Field label="Data" hint={<span class="row"><span>{bytes(size)}</span>{draft.data.trim() === '' ? <span>empty</span> : wrong === '' ? <span class="good">JSON</span> : <span class="warn">not JSON, goes out as text</span>}</span>}>
            {(ids) => <textarea {...ids} class="input" rows={9} value={draft.data} spellcheck={false} onInput={(e) => change({ data: e.currentTarget.value })} />}
          </Field>
          <Field label="But not to" hint="The socket id of a connection that shall not get it; may be empty">
            {(ids) => <input {...ids} class="input" value={draft.socket} spellcheck={false} autocomplete="off" placeholder="123.456" onInput={(e) => change({ socket: e.currentTarget.value })} />}
          </Field>
          {error ? <div class="note bad" role="alert"><span>{say(error)}{error instanceof ApiError && error.code ? <> <code>{error.code}</code></> : null}</span></div> : null}
          <div class="row">
            <button type="submit" class="button main" disabled={busy || app === ''}>Publish</button>
            <button type="button" class="button" disabled={wrong !== ''} onClick={() => change({ data: JSON.stringify(JSON.parse(draft.data), null, 2) })}>Indent</button>
            <span class="push faint wide"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
          </div>
        </form>
      </Panel>
      <Panel title="Published from here" flush>
        {sent.length === 0 ? <Nothing title="Nothing yet"><p>What you publish is listed with how many subscribers there were to get it.</p></Nothing> : (
          <ul aria-live="polite">
            {sent.map((s) => (
              <li key={s.at} style={{ padding: '10px 14px', borderBottom: '1px solid var(--line)', display: 'grid', gap: '4px' }}>
                <div class="row">
                  <b style={{ fontWeight: 550 }} class="wrap">{s.event}</b><Tag>app {s.app}</Tag><span class="faint push">{clock(s.at)}</span>
                  <button type="button" class="button small" onClick={() => { set(s); refine({ app: s.app }); }}>Use again</button>
                </div>
                <div class="soft">
                  {Object.entries(s.receivers).map(([name, n]) => <div key={name} class="row"><a class="wrap" href={href(['channels', s.app, name])}>{name}</a><span>{n === null ? 'published' : n === 1 ? '1 receiver' : `${count(n)} receivers`}</span></div>)}
                </div>
                <code class="faint cut">{s.data.replace(/\s+/g, ' ').slice(0, 160)}</code>
              </li>
            ))}
          </ul>
        )}
      </Panel>
    </div>
  );
}
