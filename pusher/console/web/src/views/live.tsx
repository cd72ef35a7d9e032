// What happens, as it happens. The list holds still while somebody reads it or has paused it, draws what is in sight alone,
// and says how much it does not show.

import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, query, send } from '../api/client';
import { messages } from '../api/sse';
import { kinds, type LiveEvent, type LiveStats } from '../api/types';
import { bytes, clock, count, plural, pretty } from '../data/format';
import { Feed, visible, type Line } from '../data/feed';
import { AppSelect } from '../parts/appselect';
import { Copy, Nothing, Panel, Search, Select, Tag, Trouble, type Tone } from '../parts/basics';
import { icons } from '../parts/icons';
import { href, refine, route } from '../route';
import { cluster, self } from '../state';

const groups = [
  ['', 'Everything'],
  ['publish,client_event', 'Events'],
  ['subscribe,unsubscribe,occupied,vacated,member_added,member_removed', 'Subscriptions'],
  ['connect,disconnect', 'Connections'],
  ['error', 'Errors'],
] as const;

const tones: Record<string, Tone | undefined> = {
  publish: 'accent', client_event: 'plum', error: 'bad', connect: 'good', occupied: 'good', member_added: 'good', disconnect: 'warn', vacated: 'warn', member_removed: 'warn',
};

/** Follows the stream for a query into a feed, and tells when there is something new to draw, at most ten times a second. */
function useFeed(what: string, running: boolean) {
  const feed = useRef(new Feed());
  const [, draw] = useState(0);
  const [state, setState] = useState<{ open: boolean; error: unknown }>({ open: false, error: null });

  useEffect(() => {
    feed.current.clear();
    draw((n) => n + 1);
  }, [what]);

  useEffect(() => {
    if (!running) return;
    const cancel = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let drawing: ReturnType<typeof setTimeout> | undefined;
    const soon = () => { drawing ??= setTimeout(() => { drawing = undefined; draw((n) => n + 1); }, 100); };
    const follow = async () => {
      let error: unknown = null;
      try {
        const response = await send('GET', `/live${what}`, undefined, cancel.signal);
        feed.current.restart();
        setState({ open: true, error: null });
        if (response.body) {
          for await (const { event, data } of messages(response.body)) {
            if (event === 'stats') feed.current.stats(JSON.parse(data) as LiveStats);
            else feed.current.push(JSON.parse(data) as LiveEvent);
            soon();
          }
        }
      } catch (failed) {
        error = failed;
      }
      if (cancel.signal.aborted) return;
      // A stream that ends is asked for again; one that was refused for its query is not.
      const final = error instanceof ApiError && error.status >= 400 && error.status < 500;
      setState({ open: false, error });
      if (!final) timer = setTimeout(() => void follow(), 2000);
    };
    void follow();
    return () => {
      cancel.abort();
      clearTimeout(timer);
      clearTimeout(drawing);
    };
  }, [what, running]);

  return { feed: feed.current, ...state, draw: () => draw((n) => n + 1) };
}

export function LiveView() {
  const { app = '', channel = '', types = '', q = '', node = '' } = route.value.query;
  const nodes = self.value ? cluster.value?.nodes ?? [] : [];
  const several = nodes.length > 0;
  const what = query({ app, types, node, ...(channel.endsWith('*') ? { prefix: channel.slice(0, -1) } : { channel }) });
  const { feed, open, error, draw } = useFeed(what, true);
  const [paused, setPaused] = useState(false);
  const [chosen, choose] = useState<Line | null>(null);
  const pause = (still: boolean) => {
    setPaused(still);
    if (still) feed.hold(); else feed.release();
    draw();
  };
  const toggle = useRef(() => {});
  toggle.current = () => pause(!paused);
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if (e.key !== ' ' || (e.target as HTMLElement).matches('input, textarea, select, button, a, summary') || document.querySelector('dialog[open]')) return;
      e.preventDefault();
      toggle.current();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);

  const lines = feed.lines(q);
  const hidden = [
    feed.leftOut > 0 ? `${count(feed.leftOut)} left out: 100 a second are shown` : '',
    feed.away ? 'the other nodes cannot be heard: the backbone is away' : '',
    feed.forgotten > 0 ? `${count(feed.forgotten)} older ones forgotten by this page, which keeps ${count(feed.capacity)}` : '',
  ].filter((text) => text !== '');
  return (
    <>
      <div class="row">
        <Search label="Filter" placeholder="Words in what has come" value={q} onValue={(text) => refine({ q: text })} />
        <AppSelect any="All apps" value={app} onValue={(next) => refine({ app: next, channel: undefined })} />
        <Select label="What" value={types} choices={groups} onValue={(next) => refine({ types: next })} />
        {several || node !== '' ? <Select label="Node" value={node} onValue={(next) => refine({ node: next })}
          choices={[['', 'All nodes'], ...nodes.map(({ name }) => [name, `Node ${name}`] as const), ...(node === '' || nodes.some(({ name }) => name === node) ? [] : [[node, `Node ${node}`] as const])]} /> : null}
        <ChannelField value={channel} />
        <span class="row push">
          <button type="button" class="button" aria-pressed={paused} onClick={() => pause(!paused)}>{paused ? icons.play : icons.pause}{paused ? 'Go on' : 'Pause'}</button>
          <button type="button" class="button" onClick={() => { feed.clear(); choose(null); setPaused(false); draw(); }}>Clear</button>
        </span>
      </div>
      {error ? <Trouble error={error} /> : null}
      <Panel flush label="Events">
        <div class="more" style={{ borderTop: 0, borderBottom: '1px solid var(--line)' }} aria-live="off">
          <span class="row" style={{ gap: '6px', flexWrap: 'nowrap', whiteSpace: 'nowrap' }}><span class={`dot ${open ? (paused ? 'warn' : 'good') : 'faint'}`} />{open ? (paused ? `Paused, ${plural(feed.newer, 'newer event')}` : plural(lines.length, 'event')) : 'Connecting'}</span>
          {hidden.length > 0 ? <span class="warn">{hidden.join('; ')}</span> : null}
          {q !== '' ? <span class="push faint">of {count(Math.min(feed.total, feed.capacity))} that have come</span> : null}
        </div>
        <div class={`live ${chosen ? 'split' : ''} ${several ? 'several' : ''}`}>
          <Lines feed={feed} lines={lines} chosen={chosen} onChoose={choose} paused={paused} draw={draw} filtered={q !== ''} narrow={what !== ''} several={several} />
          {chosen ? <Detail line={chosen} onClose={() => choose(null)} /> : null}
        </div>
      </Panel>
    </>
  );
}

function ChannelField({ value }: { value: string }) {
  const [text, set] = useState(value);
  useEffect(() => set(value), [value]);
  return (
    <input class="input" style={{ width: '170px', flex: '0 1 170px' }} aria-label="Channel, or the beginning of one with a star behind it" placeholder="Channel, or news-*" value={text} spellcheck={false} autocomplete="off"
      onInput={(e) => set(e.currentTarget.value)} onChange={() => refine({ channel: text.trim() })} onKeyDown={(e) => { if (e.key === 'Enter') refine({ channel: text.trim() }); }} />
  );
}

function Lines({ feed, lines, chosen, onChoose, paused, draw, filtered, narrow, several }: {
  feed: Feed; lines: Line[]; chosen: Line | null; onChoose: (line: Line | null) => void; paused: boolean; draw: () => void; filtered: boolean; narrow: boolean; several: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const row = matchMedia('(max-width: 720px)').matches ? 36 : 28;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const sized = new ResizeObserver(() => setView({ top: element.scrollTop, height: element.clientHeight }));
    sized.observe(element);
    return () => sized.disconnect();
  }, []);
  // Who has scrolled away from the newest is reading: nothing may move then.
  const reading = view.top > row / 2;
  useEffect(() => {
    if (paused) return;
    if (reading) feed.hold(); else feed.release();
    draw();
  }, [reading, paused]);

  const { from, to } = visible(lines.length, row, view.top, view.height);
  const place = chosen ? lines.findIndex(({ n }) => n === chosen.n) : -1;
  const move = (to: number) => {
    const next = lines[Math.max(0, Math.min(lines.length - 1, to))];
    const element = box.current;
    if (!next || !element) return;
    onChoose(next);
    const top = lines.indexOf(next) * row;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + row > element.scrollTop + element.clientHeight) element.scrollTop = top + row - element.clientHeight;
  };
  const page = Math.max(1, Math.floor(view.height / row) - 1);
  const steps: Record<string, number> = { ArrowDown: place + 1, ArrowUp: place - 1, j: place + 1, k: place - 1, PageDown: place + page, PageUp: place - page, Home: 0, End: lines.length - 1 };
  return (
    <div style={{ position: 'relative', minWidth: 0 }}>
      <div class="lines headed" aria-hidden="true"><div class="line"><span>Time</span>{several ? <span class="wide">Node</span> : null}<span>What</span><span>Channel or connection</span><span class="wide">Data</span><span class="number wide">Receivers</span></div></div>
      <div ref={box} class="lines" role="listbox" tabIndex={0} aria-label="Events, the newest first" aria-activedescendant={place >= from && place < to ? `line-${chosen?.n}` : undefined}
        onScroll={(e) => setView({ top: e.currentTarget.scrollTop, height: e.currentTarget.clientHeight })}
        onKeyDown={(e) => {
          if (e.key === 'Escape' && chosen) { onChoose(null); e.preventDefault(); return; }
          const to = steps[e.key];
          if (to === undefined || e.ctrlKey || e.metaKey || e.altKey) return;
          e.preventDefault();
          if (!feed.holding && place < 0) move(0); else move(to);
        }}>
        <div role="presentation" style={{ height: `${lines.length * row}px` }} />
        {lines.slice(from, to).map((line, i) => (
          <div key={line.n} id={`line-${line.n}`} class="line" role="option" aria-selected={chosen?.n === line.n} aria-posinset={from + i + 1} aria-setsize={lines.length}
            style={{ top: `${(from + i) * row}px` }} onClick={() => onChoose(chosen?.n === line.n ? null : line)}>
            <span class="faint mono">{clock(line.time)}</span>
            {several ? <span class="soft wide" title={line.node}>{line.node}</span> : null}
            <span><i class={`dot ${tones[line.type] ?? 'faint'}`} /><b style={{ fontWeight: 500 }}>{line.event ?? line.type.replaceAll('_', ' ')}</b>{line.event !== undefined && line.type !== 'publish' ? <span class="faint"> {line.type.replaceAll('_', ' ')}</span> : null}</span>
            <span class="soft">{line.channel ?? line.socket_id}</span>
            <span class="mono soft wide">{line.data ?? line.message ?? line.user ?? line.address ?? (line.channel !== undefined ? line.socket_id : '')}</span>
            <span class="number faint wide">{line.receivers !== undefined ? `→ ${count(line.receivers)}` : line.code ?? ''}</span>
          </div>
        ))}
      </div>
      {lines.length === 0 ? (
        <div style={{ position: 'absolute', inset: 0, pointerEvents: 'none' }}>
          <Nothing title={filtered ? 'Nothing that has come matches' : 'Nothing happens'}>
            <p>{filtered ? 'What comes from now on is filtered, too.' : narrow ? 'What happens there will be here at once.' : 'Events, subscriptions and connections will be here as they happen.'}</p>
          </Nothing>
        </div>
      ) : null}
      {reading && !paused && feed.newer > 0 ? (
        <button type="button" class="button main small" style={{ position: 'absolute', top: '10px', left: '50%', translate: '-50% 0' }}
          onClick={() => { if (box.current) box.current.scrollTop = 0; }}>{plural(feed.newer, 'newer event')} ↑</button>
      ) : null}
    </div>
  );
}

function Detail({ line, onClose }: { line: Line; onClose: () => void }) {
  const known = (kinds as readonly string[]).includes(line.type);
  return (
    <section class="detail" aria-label="One event">
      <div class="row">
        <Tag tone={tones[line.type]}>{line.type.replaceAll('_', ' ')}</Tag>{known ? null : <Tag>unknown to this console</Tag>}
        <button type="button" class="button plain small icon push" aria-label="Close" onClick={onClose}>{icons.close}</button>
      </div>
      <dl class="facts">
        <dt>Time</dt><dd>{clock(line.time)}</dd>
        {line.node !== undefined ? <><dt>Node</dt><dd>{line.node}</dd></> : null}
        {line.app !== undefined ? <><dt>App</dt><dd><a href={href(['apps', line.app])}>{line.app}</a></dd></> : null}
        {line.channel !== undefined && line.app !== undefined ? <><dt>Channel</dt><dd><a href={href(['channels', line.app, line.channel])}>{line.channel}</a></dd></> : null}
        {line.event !== undefined ? <><dt>Event</dt><dd>{line.event}</dd></> : null}
        {line.receivers !== undefined ? <><dt>Receivers</dt><dd>{count(line.receivers)}</dd></> : null}
        {line.socket_id !== undefined ? <><dt>Connection</dt><dd><a class="mono" href={href(['connections', line.socket_id])}>{line.socket_id}</a></dd></> : null}
        {line.user !== undefined ? <><dt>User</dt><dd>{line.user}</dd></> : null}
        {line.address !== undefined ? <><dt>Address</dt><dd>{line.address}</dd></> : null}
        {line.code !== undefined ? <><dt>Code</dt><dd>{line.code} {line.reason?.replaceAll('_', ' ')}</dd></> : null}
        {line.message !== undefined ? <><dt>Message</dt><dd>{line.message}</dd></> : null}
        {line.size !== undefined ? <><dt>Size</dt><dd>{bytes(line.size)}</dd></> : null}
      </dl>
      {line.data !== undefined ? (
        <>
          <div class="row"><h2>Data</h2>{(line.size ?? 0) > line.data.length * 3 || (line.size ?? 0) > 4096 ? <span class="faint">cut, it was {bytes(line.size)}</span> : null}<Copy text={line.data} what="the data" />
            {line.event !== undefined && line.channel !== undefined ? <a class="button small push" href={href(['publish'], { app: line.app, channel: line.channel, event: line.event, data: line.data })}>Use it to publish</a> : null}
          </div>
          <pre class="code" tabIndex={0} aria-label="Data">{pretty(line.data)}</pre>
        </>
      ) : null}
    </section>
  );
}
