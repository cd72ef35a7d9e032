// The apps of the configuration: what they have, what they may and how much of it they use.

import { useState } from 'preact/hooks';
import { api, get, post } from '../api/client';
import type { App, Key, Limit } from '../api/types';
import { bytes, count, plural, rate, short, span } from '../data/format';
import { tightest } from '../data/limits';
import { usePoll } from '../data/poll';
import { announce } from '../parts/status';
import { Bones, Copy, Meter, Nothing, Panel, Scroll, Rows, Search, Tag, Trouble } from '../parts/basics';
import { href, refine, route } from '../route';
import { askApps, self } from '../state';

function amount(n: number, unit: Limit['unit']): string {
  if (unit === 'bytes') return bytes(n);
  if (unit === 'per_second') return rate(n);
  if (unit === 'seconds') return span(n);
  return unit === 'chars' ? plural(n, 'character') : count(n);
}

const words = (name: string) => name.replaceAll('_', ' ');

export function AppsView() {
  const poll = usePoll('list', 3000, askApps);
  const q = route.value.query['q'] ?? '';
  const all = poll.data;
  const shown = all?.filter(({ id, keys }) => [id, ...keys.map(({ key }) => key)].some((text) => text.toLowerCase().includes(q.toLowerCase())));
  return (
    <>
      <div class="row"><Search label="Search apps" placeholder="Search by id or key" value={q} onValue={(text) => refine({ q: text })} />{self.value ? <span class="faint push wide">Connections and traffic are those of node {self.value}</span> : null}</div>
      {poll.error ? <Trouble error={poll.error} again={poll.again} /> : null}
      <Panel flush label="Apps">
        <Scroll>
          <table>
            <thead><tr><th>App</th><th class="wide">Key</th><th class="number">Connections</th><th class="number">Channels</th><th class="number wide">Published</th><th class="number wide">Delivered</th><th class="wide" style={{ width: '22%' }}>Nearest limit</th></tr></thead>
            <Rows>
              {poll.waiting ? <Bones columns={7} /> : shown?.map((app) => <AppRow key={app.id} app={app} />)}
            </Rows>
          </table>
        </Scroll>
        {shown?.length === 0 ? <Nothing title={q ? 'No app is called so' : 'There are no apps'}><p>{q ? 'Ids and keys are searched.' : <>Apps are named in the configuration, below <code>apps</code>.</>}</p></Nothing> : null}
      </Panel>
    </>
  );
}

function AppRow({ app }: { app: App }) {
  const near = tightest(app.limits);
  return (
    <tr class="to">
      <td><span class="row" style={{ flexWrap: 'nowrap' }}><a class="name" href={href(['apps', app.id])}>{app.id}</a>{app.enabled ? null : <Tag tone="warn">off</Tag>}</span></td>
      <td class="wide"><code class="soft">{app.keys.at(-1)?.key}</code></td>
      <td class="number">{count(app.connections)}</td>
      <td class="number">{count(app.channels)}</td>
      <td class="number wide">{rate(app.traffic.published_per_s + app.traffic.client_events_per_s)}</td>
      <td class="number wide">{rate(app.traffic.deliveries_per_s)}</td>
      <td class="wide">{near && near.part > 0 ? <><Meter part={near.part} label={`${words(near.name)} in use`} /><span class="faint" style={{ fontSize: 'var(--tiny)' }}>{words(near.name)}</span></> : <span class="faint">none in use</span>}</td>
    </tr>
  );
}

export function AppView({ id }: { id: string }) {
  const poll = usePoll(id, 3000, (cancel) => get<{ app: App }>(api`/apps/${id}`, cancel));
  const app = poll.data?.app;
  if (!app) {
    return poll.error ? <Trouble error={poll.error} again={poll.again} /> : <Panel><span class="bone" style={{ width: '40%' }} /></Panel>;
  }
  const t = app.traffic;
  const counted = app.limits.filter(({ used, limit }) => used !== null && limit > 0);
  const single = app.limits.filter(({ used, limit }) => used === null || limit === 0);
  const switches = ([['client_events', 'Client events'], ['require_sign_in', 'Sign-in required'], ['subscription_count', 'Subscription counts'], ['watchlist', 'Watchlists']] as const);
  return (
    <>
      {poll.error ? <Trouble error={poll.error} again={poll.again} /> : null}
      {app.enabled ? null : <div class="note warn">This app is switched off: its clients and its requests are refused.</div>}
      <div class="row">
        <a class="button" href={href(['channels'], { app: id })}>Channels</a>
        <a class="button" href={href(['connections'], { app: id })}>Connections</a>
        <a class="button" href={href(['live'], { app: id })}>Live events</a>
        <a class="button" href={href(['publish'], { app: id })}>Publish</a>
        {self.value ? <span class="faint push wide">Connections and traffic are those of node {self.value}</span> : null}
      </div>
      <dl class="figures">
        <div><dt>Connections</dt><dd>{count(app.connections)}</dd></div>
        <div><dt>Channels</dt><dd>{count(app.channels)}</dd></div>
        <div><dt>Signed-in users</dt><dd>{count(app.users)}</dd></div>
        <div><dt>Published</dt><dd>{rate(t.published_per_s)}<small>{short(t.published)} in all</small></dd></div>
        <div><dt>Client events</dt><dd>{rate(t.client_events_per_s)}<small>{short(t.client_events)} in all</small></dd></div>
        {t.bytes_out !== undefined ? <div><dt>Bytes out</dt><dd>{bytes((t.bytes_out_per_s ?? 0) + (t.http_bytes_out_per_s ?? 0))}/s<small>{bytes(t.bytes_out + (t.http_bytes_out ?? 0))} in all</small></dd></div> : null}
        {t.bytes_in !== undefined ? <div><dt>Bytes in</dt><dd>{bytes((t.bytes_in_per_s ?? 0) + (t.http_bytes_in_per_s ?? 0))}/s<small>{bytes(t.bytes_in + (t.http_bytes_in ?? 0))} in all</small></dd></div> : null}
        <div><dt>Delivered</dt><dd>{rate(t.deliveries_per_s)}<small>{short(t.deliveries)} in all</small></dd></div>
      </dl>
      <div class="columns two">
        <div class="stack">
          <Credentials app={app} />
          <LimitsInUse limits={counted} />
          <Refusals of={app.refusals ?? []} />
        </div>
        <div class="stack">
          <Panel title="Switches">
            <dl class="facts">
              {switches.map(([name, text]) => <><dt>{text}</dt><dd>{app[name] ? <Tag tone="good">on</Tag> : <Tag>off</Tag>}</dd></>)}
              <dt>Origins</dt><dd>{app.origins.length === 0 ? <span class="soft">any</span> : app.origins.map((origin) => <code key={origin} style={{ display: 'block' }}>{origin}</code>)}</dd>
              <dt>Webhooks</dt><dd>{app.webhooks === 0 ? <span class="soft">none</span> : <a href={href(['webhooks'], { app: id })}>{plural(app.webhooks, 'webhook')}</a>}</dd>
            </dl>
          </Panel>
          <Panel title="Limits of single things" flush>
            <Scroll>
              <table>
                <thead><tr><th>Limit</th><th class="number">At most</th></tr></thead>
                <tbody>
                  {single.map((l) => <tr key={l.name}><td>{words(l.name)}</td><td class="number">{l.limit === 0 ? <span class="soft">no limit</span> : amount(l.limit, l.unit)}</td></tr>)}
                </tbody>
              </table>
            </Scroll>
          </Panel>
        </div>
      </div>
      <Panel title="Rules for channels" flush>
        {app.rules.length === 0 ? <Nothing title="No rules"><p>Channels of this app keep nothing of their past. Rules are named in the configuration, below <code>channels</code> of the app.</p></Nothing> : (
          <Scroll>
            <table>
              <thead><tr><th>Channels</th><th class="number">History</th><th class="number wide">For</th><th class="wide">Cache</th><th class="wide">Key</th><th>Slow clients</th><th>Client events</th></tr></thead>
              <tbody>
                {app.rules.map((r) => (
                  <tr key={r.match}>
                    <td><code>{r.match}</code></td>
                    <td class="number">{r.history_events > 0 ? plural(r.history_events, 'event') : <span class="faint">none</span>}</td>
                    <td class="number wide">{r.history_ttl_s > 0 ? span(r.history_ttl_s) : <span class="faint">–</span>}</td>
                    <td class="wide">{r.cache || <span class="faint">–</span>}</td>
                    <td class="wide">{r.key ? <code>{r.key}</code> : <span class="faint">–</span>}</td>
                    <td>{words(r.slow || 'close')}</td>
                    <td>{r.client_events === null ? <span class="faint">as the app</span> : r.client_events ? 'on' : 'off'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Panel>
    </>
  );
}

/** What was refused in the app's name, and at which door. */
function Refusals({ of: all }: { of: NonNullable<App['refusals']> }) {
  return (
    <Panel title="Refused" flush>
      {all.length === 0 ? <Nothing title="Nothing was refused" /> : (
        <Scroll>
          <table>
            <thead><tr><th>Reason</th><th class="wide">Class</th><th>Door</th><th class="number">In all</th><th class="number">Now</th></tr></thead>
            <tbody>
              {all.slice(0, 12).map((r) => (
                <tr key={`${r.door} ${r.reason}`}><td>{words(r.reason)}</td><td class="wide soft">{words(r.class)}</td><td class="soft">{r.door}</td><td class="number">{short(r.total)}</td><td class="number">{r.per_s > 0 ? rate(r.per_s) : <span class="faint">–</span>}</td></tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}

function LimitsInUse({ limits }: { limits: Limit[] }) {
  return (
    <Panel title="Limits in use" flush>
      <Scroll>
        <table>
          <thead><tr><th>Limit</th><th class="number">Used</th><th style={{ width: '34%' }}>Share</th></tr></thead>
          <tbody>
            {limits.map((l) => (
              <tr key={l.name}>
                <td>{words(l.name)}</td><td class="number">{amount(l.used ?? 0, l.unit)} <span class="faint">of {amount(l.limit, l.unit)}</span></td>
                <td><Meter part={(l.used ?? 0) / l.limit} label={`${words(l.name)} in use`} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {limits.length === 0 ? <Nothing title="Nothing of this app is limits against a limit" /> : null}
    </Panel>
  );
}

/** Keys with their secrets hidden; asking for them is noted in the server's log. */
function Credentials({ app }: { app: App }) {
  const [shown, show] = useState<Key[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const keys = shown ?? app.keys;
  return (
    <Panel title="Credentials" tools={shown
      ? <button type="button" class="button small" onClick={() => show(null)}>Hide</button>
      : <button type="button" class="button small" onClick={() => post<{ keys: Key[] }>(api`/apps/${app.id}/reveal`).then((answer) => {
        show(answer.keys);
        setError(null);
        announce('The secrets are shown; the log says so');
      }, setError)}>Show secrets</button>}>
      {error ? <Trouble error={error} /> : null}
      <dl class="facts">
        <dt>App id</dt><dd class="row"><code>{app.id}</code><Copy text={app.id} what="the app id" /></dd>
        {keys.map(({ key, secret }, i) => (
          <>
            <dt>{keys.length > 1 ? `Key ${i + 1}` : 'Key'}</dt><dd class="row"><code>{key}</code><Copy text={key} what="the key" /></dd>
            <dt>Secret</dt>
            <dd class="row">{shown ? <><code>{secret}</code><Copy text={secret} what="the secret" /></> : <code class="faint" aria-label="hidden">••••••••••••</code>}</dd>
          </>
        ))}
      </dl>
    </Panel>
  );
}
