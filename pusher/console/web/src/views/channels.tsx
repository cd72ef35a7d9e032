// Channels of one app, and one of them.

import { useEffect, useState } from 'preact/hooks';
import { api, get, query } from '../api/client';
import type { Channel, ChannelDetail, Channels, Members, Past, Pasts } from '../api/types';
import { clock, count, plural, pretty, span, stamp } from '../data/format';
import { usePoll } from '../data/poll';
import { AppSelect } from '../parts/appselect';
import { Bones, Copy, Nothing, Pages, Panel, Scroll, Rows, Search, Select, Tag, Trouble } from '../parts/basics';
import { href, refine, route } from '../route';
import { likely, remember } from '../state';

const kinds = [
  ['', 'All kinds'], ['public', 'Public'], ['private', 'Private'], ['presence', 'Presence'], ['encrypted', 'Encrypted'], ['cache', 'Cache'], ['user', 'Of users'],
] as const;

const limit = 50;

export function KindTag({ channel: { kind, cache } }: { channel: Pick<Channel, 'kind' | 'cache'> }) {
  return (
    <span class="row" style={{ gap: '4px', flexWrap: 'nowrap' }}>
      <Tag tone={kind === 'presence' ? 'accent' : kind === 'public' ? undefined : 'plum'}>{kind}</Tag>{cache ? <Tag>cache</Tag> : null}
    </span>
  );
}

export function ChannelsView() {
  const { q = '', kind = '', order = 'subscribers' } = route.value.query;
  const app = route.value.query['app'] ?? likely();
  useEffect(() => remember(app), [app]);
  const what = { app, contains: q, kind, order };
  const key = JSON.stringify(what);
  // The pages before this one, by where they began.
  const [pages, setPages] = useState<{ key: string; after: string[] }>({ key, after: [''] });
  const after = pages.key === key ? pages.after : [''];
  const here = after.at(-1) ?? '';
  const { app: _, ...filters } = what;
  const poll = usePoll(`${key} ${here}`, 2000, (cancel) => (app === ''
    ? Promise.resolve<Channels>({ channels: [], next: null, total: 0 })
    : get<Channels>(api`/apps/${app}/channels` + query({ ...filters, after: here, limit }), cancel)));
  const d = poll.data;
  const sort = (name: string) => (order === name ? (name === 'name' ? 'ascending' as const : 'descending' as const) : undefined);
  return (
    <>
      <div class="row">
        <Search label="Search channels" placeholder="Part of a channel's name" value={q} onValue={(text) => refine({ q: text })} />
        <AppSelect value={app} onValue={(next) => refine({ app: next })} />
        <Select label="Kind" value={kind} choices={kinds} onValue={(next) => refine({ kind: next })} />
      </div>
      {poll.error ? <Trouble error={poll.error} again={poll.again} /> : null}
      <Panel flush label="Channels">
        <Scroll>
          <table>
            <thead>
              <tr>
                <th aria-sort={sort('name')}><button type="button" onClick={() => refine({ order: 'name' })}>Channel</button></th>
                <th>Kind</th>
                <th class="number" aria-sort={sort('subscribers')}><button type="button" onClick={() => refine({ order: undefined })}>Subscribers</button></th>
                <th class="number wide">Members</th><th class="wide">Newest in its history</th>
              </tr>
            </thead>
            <Rows>
              {poll.waiting ? <Bones columns={5} rows={8} /> : d?.channels.map((c) => (
                <tr key={c.name} class="to">
                  <td class="name cut"><a class="name" href={href(['channels', app, c.name])} title={c.name}>{c.name}</a></td>
                  <td class="tight"><KindTag channel={c} /></td>
                  <td class="number">{count(c.subscribers)}</td>
                  <td class="number wide">{c.members === null ? <span class="faint">–</span> : count(c.members)}</td>
                  <td class="wide">{c.history ? <code class="soft">{c.history.head || 'empty'}</code> : <span class="faint">–</span>}</td>
                </tr>
              ))}
            </Rows>
          </table>
        </Scroll>
        {d?.channels.length === 0 ? (
          q || kind ? <Nothing title="No channel matches"><p><a href={href(['channels'], { app })}>Show all of them</a></p></Nothing>
            : <Nothing title="Nobody is on a channel of this app"><p>A channel is here as long as somebody is on it, or it keeps something.</p><pre class="mono">gannet subscribe my-channel</pre></Nothing>
        ) : null}
        {d && d.channels.length > 0 ? (
          <Pages
            back={after.length > 1 ? () => setPages({ key, after: after.slice(0, -1) }) : null}
            next={d.next !== null && d.next !== undefined ? () => setPages({ key, after: [...after, d.next ?? ''] }) : null}>
            {plural(d.total, 'channel')}{order === 'subscribers' && d.total > d.channels.length ? `, the ${d.channels.length} with the most subscribers; by name there are pages` : ''}
          </Pages>
        ) : null}
      </Panel>
    </>
  );
}

export function ChannelView({ app, name }: { app: string; name: string }) {
  useEffect(() => remember(app), [app]);
  const poll = usePoll(`${app} ${name}`, 2000, (cancel) => get<ChannelDetail>(api`/apps/${app}/channels/${name}`, cancel));
  const d = poll.data;
  if (!d) return poll.error ? <Trouble error={poll.error} again={poll.again} /> : <Panel><span class="bone" style={{ width: '40%' }} /></Panel>;
  const c = d.channel;
  return (
    <>
      {poll.error ? <Trouble error={poll.error} again={poll.again} /> : null}
      <div class="row">
        <KindTag channel={c} /><Tag>app {app}</Tag>
        <span class="row push">
          <a class="button" href={href(['live'], { app, channel: name })}>Live events</a>
          <a class="button" href={href(['connections'], { app, channel: name })}>Connections</a>
          <a class="button" href={href(['publish'], { app, channel: name })}>Publish</a>
        </span>
      </div>
      <dl class="figures">
        <div><dt>Subscribers</dt><dd>{count(c.subscribers)}</dd></div>
        {c.members !== null ? <div><dt>Members</dt><dd>{count(c.members)}</dd></div> : null}
        <div><dt>Rule</dt><dd class="cut" style={{ fontSize: '15px' }}>{d.rule !== null ? <code>{d.rule}</code> : <span class="faint">none</span>}</dd></div>
        {c.history ? <div><dt>Newest serial</dt><dd class="row" style={{ fontSize: '15px', gap: '4px', flexWrap: 'nowrap' }}><code class="cut">{c.history.head || 'empty'}</code>{c.history.head ? <Copy text={c.history.head} what="the serial" /> : null}</dd></div> : null}
      </dl>
      {c.subscribers === 0 && !d.events && !d.cached ? <div class="note">Nobody is on this channel, and it keeps nothing. This page shows it as soon as somebody is.</div> : null}
      {d.cached ? (
        <Panel title="What a new subscriber gets" tools={<span class="faint">{d.cached.ttl_s > 0 ? `for another ${span(d.cached.ttl_s)}` : null}</span>}>
          <p><code>{d.cached.event}</code></p>
          <pre class="code">{pretty(d.cached.data)}</pre>
        </Panel>
      ) : null}
      <div class="columns two">
        {d.events ? <History app={app} name={name} first={d.events} /> : null}
        {d.members ? <MemberList app={app} name={name} first={d.members} total={c.members ?? 0} /> : null}
      </div>
      {!d.events ? <Panel title="History"><p class="soft">This channel keeps none of its past. A rule with <code>history</code> for it, in the configuration of the app, changes that.</p></Panel> : null}
    </>
  );
}

/** The text of an event's data: what was published as text is shown as it was. */
function dataOf(message: Past['message']): string {
  const { data } = message;
  return data === undefined ? '' : typeof data === 'string' ? data : JSON.stringify(data);
}

function History({ app, name, first }: { app: string; name: string; first: Pasts }) {
  const [asked, setOlder] = useState<Pasts | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  // What is newer comes with each poll; what is older was asked for, and stays as long as nothing is missing between the two.
  const older = asked && first.events.some((e) => asked.events.some((o) => o.serial === e.serial)) ? asked : null;
  const events = older ? [...first.events.filter((e) => !older.events.some((o) => o.serial === e.serial)), ...older.events] : first.events;
  const next = older ? older.next : first.next;
  return (
    <Panel title="History" tools={<span class="faint">the newest first</span>} flush>
      {events.length === 0 ? <Nothing title="Nothing is kept"><p>Events published from now on will be here.</p></Nothing> : (
        <Scroll>
          <table>
            <thead><tr><th>Event</th><th class="wide">Data</th><th class="number">Time</th></tr></thead>
            <tbody>
              {events.map((e) => (
                <>
                  <tr key={e.serial} class="to" onClick={() => setOpen(open === e.serial ? null : e.serial)}>
                    <td class="name cut"><button type="button" class="link" aria-expanded={open === e.serial} onClick={(click) => { click.stopPropagation(); setOpen(open === e.serial ? null : e.serial); }}>{e.message.event}</button></td>
                    <td class="name cut wide"><code class="soft">{dataOf(e.message).slice(0, 200)}</code></td>
                    <td class="number soft" title={stamp(e.time)}>{clock(Date.parse(e.time))}</td>
                  </tr>
                  {open === e.serial ? <tr key={`${e.serial} open`}><td colSpan={3}><p class="faint">Serial <code>{e.serial}</code></p><pre class="code">{pretty(dataOf(e.message))}</pre></td></tr> : null}
                </>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {error ? <Trouble error={error} /> : null}
      {next ? (
        <div class="more"><span>{plural(events.length, 'event')}</span>
          <button type="button" class="button small push" onClick={() => {
            get<Pasts>(api`/apps/${app}/channels/${name}/events` + query({ before: next, limit: 50 }))
              .then((page) => { setOlder({ events: [...events, ...page.events], next: page.next }); setError(null); }, setError);
          }}>Older</button>
        </div>
      ) : null}
    </Panel>
  );
}

function MemberList({ app, name, first, total }: { app: string; name: string; first: Members; total: number }) {
  const [more, setMore] = useState<Members | null>(null);
  const [error, setError] = useState<unknown>(null);
  const behind = more ? more.members.filter((m) => !first.members.some((f) => f.id === m.id)) : [];
  const all = [...first.members, ...behind];
  const next = more ? more.next : first.next;
  return (
    <Panel title="Members" tools={<span class="faint">{count(total)}</span>} flush>
      {all.length === 0 ? <Nothing title="Nobody is here" /> : (
        <Scroll>
          <table>
            <thead><tr><th>User</th><th class="wide">Info</th><th class="number">Connections</th></tr></thead>
            <Rows>
              {all.map((m) => (
                <tr key={m.id} class="to">
                  <td class="name cut"><a class="name" href={href(['connections'], { app, user: m.id })}>{m.id}</a></td>
                  <td class="name cut wide"><code class="soft">{m.info === undefined || m.info === null ? '' : JSON.stringify(m.info)}</code></td>
                  <td class="number">{count(m.connections)}</td>
                </tr>
              ))}
            </Rows>
          </table>
        </Scroll>
      )}
      {error ? <Trouble error={error} /> : null}
      {next ? (
        <div class="more"><span>{count(all.length)} of {count(total)}</span>
          <button type="button" class="button small push" onClick={() => {
            get<Members>(api`/apps/${app}/channels/${name}/members` + query({ after: next }))
              .then((page) => { setMore({ members: [...behind, ...page.members], next: page.next }); setError(null); }, setError);
          }}>More</button>
        </div>
      ) : null}
    </Panel>
  );
}
