// Who is connected, those first for whom the most waits; one of them, and its end.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { api, ApiError, get, post, query } from '../api/client';
import type { Connection, ConnectionDetail, Connections, Place } from '../api/types';
import { ago, bytes, count, plural, seconds, span, stamp } from '../data/format';
import { useNow, usePoll } from '../data/poll';
import { AppSelect } from '../parts/appselect';
import { Bones, Confirm, Copy, Nothing, Pages, Panel, Scroll, Rows, Search, Select, Tag, Trouble } from '../parts/basics';
import { announce } from '../parts/status';
import { go, href, refine, route } from '../route';
import { self } from '../state';

const limit = 50;
const ms = (value: number | null) => seconds(value === null ? null : value / 1000);

/** How late a client is, in a tone: what waits for a second is seen by people. */
function Lag({ of: c }: { of: Connection }) {
  if (c.backlog_frames === 0 && c.backlog_bytes === 0) return <span class="faint">none</span>;
  return <span class={c.backlog_age_ms >= 1000 ? 'bad' : c.backlog_age_ms >= 100 ? 'warn' : ''}>{ms(c.backlog_age_ms)}</span>;
}

export function ConnectionsView() {
  const { q = '', app = '', channel = '', user = '', order = 'slowest' } = route.value.query;
  const what = { app, channel, user, q, order };
  const key = JSON.stringify(what);
  const [pages, setPages] = useState<{ key: string; cursors: string[] }>({ key, cursors: [''] });
  const cursors = pages.key === key ? pages.cursors : [''];
  const here = cursors.at(-1) ?? '';
  const poll = usePoll(`${key} ${here}`, 2000, (cancel) => get<Connections>(`/connections${query({ ...what, cursor: here, limit })}`, cancel));
  const now = useNow();
  const d = poll.data;
  const elsewhere = d?.elsewhere ?? [];
  const [ending, setEnding] = useState(false);
  const narrow = ([['channel', channel], ['user', user]] as const).filter(([, value]) => value !== '');
  return (
    <>
      <div class="row">
        <Search label="Search connections" placeholder="Socket id, address, user or channel" value={q} onValue={(text) => refine({ q: text })} />
        <AppSelect any="All apps" value={app} onValue={(next) => refine({ app: next })} />
        <Select label="Order" value={order} choices={[['slowest', 'Slowest first'], ['any', 'Any order, in pages']]} onValue={(next) => refine({ order: next === 'slowest' ? undefined : next })} />
      </div>
      {narrow.length > 0 ? (
        <div class="row">
          {narrow.map(([name, value]) => (
            <button key={name} type="button" class="button small" aria-label={`Do not narrow to ${name} ${value}`} onClick={() => refine({ [name]: undefined })}>{name} <b class="cut">{value}</b> ×</button>
          ))}
          {app && user ? <button type="button" class="button small danger push" onClick={() => setEnding(true)}>End all of this user…</button> : null}
        </div>
      ) : null}
      {ending ? (
        <Confirm title={`End all connections of ${user}?`} action="End them" onClose={() => setEnding(false)}
          onDo={async () => {
            await post(api`/apps/${app}/users/${user}/terminate_connections`);
            announce(`What was signed in as ${user} is closed`);
            poll.again();
          }}>
          <p class="soft">Whatever is signed in to app {app} as this user is closed with 4009, on all nodes. Stock clients do not come back by themselves.</p>
        </Confirm>
      ) : null}
      {poll.error ? <Trouble error={poll.error} again={poll.again} /> : null}
      {elsewhere.length > 0 ? <div class="note"><Elsewhere places={elsewhere} filters={route.value.query} q={q} /></div> : null}
      <Panel flush label="Connections">
        <Scroll>
          <table>
            <thead><tr><th>Socket id</th><th>Client</th><th class="wide">User</th><th class="wide">App</th><th class="number wide">Subscriptions</th><th class="number">Lag</th><th class="number wide">Waiting</th><th class="number wide">Connected</th></tr></thead>
            <Rows>
              {poll.waiting ? <Bones columns={8} rows={8} /> : d?.connections.map((c) => (
                <tr key={c.socket_id} class="to">
                  <td class="socket cut"><a class="name mono" title={c.socket_id} href={href(['connections', c.socket_id])}>{c.socket_id}</a></td>
                  <td class="soft address cut" title={c.address}>{c.address}</td>
                  <td class="wide">{c.user || <span class="faint">–</span>}</td>
                  <td class="wide soft">{c.app}</td>
                  <td class="number wide">{count(c.subscriptions)}</td>
                  <td class="number"><Lag of={c} /></td>
                  <td class="number wide">{c.backlog_bytes > 0 ? bytes(c.backlog_bytes) : <span class="faint">–</span>}</td>
                  <td class="number wide soft" title={stamp(c.connected)}>{ago(c.connected, now)}</td>
                </tr>
              ))}
            </Rows>
          </table>
        </Scroll>
        {d?.connections.length === 0 ? (
          q || app || narrow.length > 0 ? <Nothing title={d.complete ? (self.value ? `No connection of node ${self.value} matches` : 'No connection matches') : 'None among those looked at'}><p>{d.complete ? <a href={href(['connections'])}>Show all of them</a> : 'There are more connections than one request looks at. Narrow it to an app, or go through them in pages.'}</p></Nothing>
            : <Nothing title={self.value ? `Nobody is connected to node ${self.value}` : 'Nobody is connected'}><p>Clients show up here as soon as they are. With the server's own client:</p><pre class="mono">gannet subscribe my-channel</pre></Nothing>
        ) : null}
        {d && d.connections.length > 0 ? (
          <Pages
            back={cursors.length > 1 ? () => setPages({ key, cursors: cursors.slice(0, -1) }) : null}
            next={d.next !== null && d.next !== undefined ? () => setPages({ key, cursors: [...cursors, d.next ?? ''] }) : null}>
            {plural(d.connections.length, 'connection')} of {count(d.examined)} looked at{self.value ? ` on node ${self.value}` : ''}{d.complete ? '' : '; there are more'}
          </Pages>
        ) : null}
      </Panel>
    </>
  );
}

/** Says which other nodes have what was searched for, with the way there. */
function Elsewhere({ places, filters, q }: { places: Place[]; filters: Record<string, string>; q: string }) {
  const to = ({ name, console, by }: Place) => (console ? <a href={console + (by === 'socket_id' ? href(['connections', q]) : href(['connections'], filters))}>{name}</a> : <b>{name}</b>);
  const listed = (by: string) => places.filter((place) => place.by === by).map((place, i) => <>{i > 0 ? ', ' : ''}{to(place)}{place.connections === null ? '' : ` (${count(place.connections)})`}</>);
  const [socket, channel, user] = [listed('socket_id'), listed('channel'), listed('user')];
  return (
    <span>
      {socket.length > 0 ? <>A connection of node {socket}, which <a href={href(['connections', q])}>can be closed from here</a>. </> : null}
      {channel.length > 0 ? <>The channel has connections on other nodes: {channel}. </> : null}
      {user.length > 0 ? <>The user is on other nodes, too: {user}.</> : null}
    </span>
  );
}

const codes = [
  ['4009', '4009: stay away', 'Stock clients do not come back.'],
  ['4100', '4100: later', 'Stock clients come back after a pause.'],
  ['4200', '4200: at once', 'Stock clients come back at once, such as to another node.'],
] as const;

export function ConnectionView({ id }: { id: string }) {
  const poll = usePoll(id, 1000, (cancel) => get<{ connection: ConnectionDetail }>(api`/connections/${id}`, cancel));
  const now = useNow();
  const [closing, setClosing] = useState(false);
  const [code, setCode] = useState<Code>('4009');
  const c = poll.data?.connection;
  if (!c) {
    if (!poll.error) return <Panel><span class="bone" style={{ width: '40%' }} /></Panel>;
    const places = poll.error instanceof ApiError ? poll.error.elsewhere : [];
    if (places.length === 0) return <><Trouble error={poll.error} again={poll.again} /><p><a href={href(['connections'])}>All connections</a></p></>;
    return (
      <>
        <Panel>
          <div class="nothing">
            <strong>This is a connection of node {places.map(({ name }) => name).join(' or ')}</strong>
            <p>Its id tells so. What it does is known there alone; it can be closed from here, if it is still there.</p>
            <div class="row" style={{ justifyContent: 'center' }}>
              {places.map(({ id: node, name, console }) => (console ? <a key={node} class="button main" href={console + href(['connections', id])}>Look at it on {name}</a> : null))}
              <button type="button" class="button danger" onClick={() => setClosing(true)}>Close it…</button>
            </div>
          </div>
        </Panel>
        {closing ? <Closing id={id} code={code} setCode={setCode} onClose={() => setClosing(false)}>The client loses its subscriptions. What it does then depends on the code.</Closing> : null}
      </>
    );
  }
  const late = c.backlog_frames > 0;
  return (
    <>
      {poll.error ? <div class="note warn"><span>This is how it was last seen: {poll.error instanceof Error ? poll.error.message : ''}</span></div> : null}
      <div class="row">
        <Tag>app {c.app}</Tag>
        {c.secure ? <Tag tone="good">TLS</Tag> : <Tag>plain</Tag>}
        {c.compressed ? <Tag>compressed</Tag> : null}
        {late ? <Tag tone={c.backlog_age_ms >= 1000 ? 'bad' : 'warn'}>behind</Tag> : <Tag tone="good">keeps up</Tag>}
        <button type="button" class="button danger push" onClick={() => setClosing(true)}>Close it…</button>
      </div>
      <dl class="figures">
        <div><dt>Lag</dt><dd>{late ? ms(c.backlog_age_ms) : 'none'}</dd></div>
        <div><dt>Backlog</dt><dd>{bytes(c.backlog_bytes)}<small>{plural(c.backlog_frames, 'frame')}</small></dd></div>
        <div><dt>Not acknowledged</dt><dd>{bytes(c.kernel_bytes)}</dd></div>
        <div><dt>Round trip</dt><dd>{ms(c.rtt_ms)}</dd></div>
        <div><dt>Silent for</dt><dd>{c.silent_ms < 1000 ? ms(c.silent_ms) : span(c.silent_ms / 1000)}</dd></div>
        <div><dt>Connected for</dt><dd>{span((now - Date.parse(c.connected)) / 1000)}</dd></div>
      </dl>
      <div class="columns two">
        <Panel title="Who">
          <dl class="facts">
            <dt>Socket id</dt><dd class="row"><code>{c.socket_id}</code><Copy text={c.socket_id} what="the socket id" /></dd>
            <dt>Address</dt><dd><a href={href(['connections'], { q: c.address })}>{c.address}</a></dd>
            <dt>User</dt><dd>{c.user ? <a href={href(['connections'], { app: c.app, user: c.user })}>{c.user}</a> : <span class="soft">not signed in</span>}</dd>
            <dt>Since</dt><dd>{stamp(c.connected)}</dd>
            <dt>Loop</dt><dd>{c.loop}</dd>
          </dl>
        </Panel>
        <Panel title="Last error">
          {c.last_error ? (
            <dl class="facts">
              <dt>Code</dt><dd><Tag tone="bad">{c.last_error.code}</Tag> {c.last_error.reason.replaceAll('_', ' ')}</dd>
              <dt>Message</dt><dd>{c.last_error.message}</dd>
              <dt>Told</dt><dd title={stamp(c.last_error.time)}>{ago(c.last_error.time, now)}</dd>
            </dl>
          ) : <p class="soft">It was told of none lately.</p>}
        </Panel>
      </div>
      <Panel title="Subscriptions" tools={<span class="faint">{count(c.channels_total)}</span>} flush>
        {c.channels.length === 0 ? <Nothing title="It is on no channel" /> : (
          <Scroll>
            <table>
              <thead><tr><th>Channel</th><th class="number">As member</th></tr></thead>
              <Rows>
                {c.channels.map(({ name, user }) => (
                  <tr key={name} class="to">
                    <td class="name cut"><a class="name" href={href(['channels', c.app, name])}>{name}</a></td><td class="number soft">{user || '–'}</td>
                  </tr>
                ))}
              </Rows>
            </table>
          </Scroll>
        )}
        {c.channels_total > c.channels.length ? <div class="more">The first {c.channels.length} of {count(c.channels_total)}, by name</div> : null}
      </Panel>
      {closing ? (
        <Closing id={id} code={code} setCode={setCode} onClose={() => setClosing(false)}>
          The client at {c.address} loses its {plural(c.channels_total, 'subscription')}. What it does then depends on the code.
        </Closing>
      ) : null}
    </>
  );
}

type Code = (typeof codes)[number][0];

function Closing({ id, code, setCode, onClose, children }: { id: string; code: Code; setCode: (code: Code) => void; onClose: () => void; children: ComponentChildren }) {
  return (
    <Confirm title={`Close ${id}?`} action="Close the connection" onClose={onClose}
      onDo={async () => {
        const { passed_to: others } = await post<{ passed_to?: string[] }>(api`/connections/${id}/close`, { code: Number(code) });
        announce(others ? `Node ${others.join(' and ')} closes ${id} with ${code}` : `${id} is closed with ${code}`);
        go(href(['connections']));
      }}>
      <p class="soft">{children}</p>
      <fieldset style={{ display: 'grid', gap: '8px' }}>
        <legend class="away">Close code</legend>
        {codes.map(([value, text, about]) => (
          <label key={value} style={{ display: 'grid', gridTemplateColumns: 'auto 1fr', columnGap: '8px', cursor: 'pointer' }}>
            <input type="radio" name="code" value={value} checked={code === value} onChange={() => setCode(value)} />
            <span>{text}<br /><span class="faint">{about}</span></span>
          </label>
        ))}
      </fieldset>
    </Confirm>
  );
}
