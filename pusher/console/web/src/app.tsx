// The frame: who may look, where one is, and the keys that lead elsewhere.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ComponentChildren, JSX } from 'preact';
import { reachable, session, signOut, whoAmI } from './api/client';
import { span } from './data/format';
import { useNow, usePoll } from './data/poll';
import { Dialog, Segments, Trouble } from './parts/basics';
import { icons, Mark, type IconName } from './parts/icons';
import { Status, announce } from './parts/status';
import { go, href, route } from './route';
import { askApps, askCluster, askOverview, askVersion, cluster, overview, self, version } from './state';
import { choose, theme, type Theme } from './theme';
import { AppView, AppsView } from './views/apps';
import { ChannelView, ChannelsView } from './views/channels';
import { ClusterView } from './views/cluster';
import { ConnectionView, ConnectionsView } from './views/connections';
import { LiveView } from './views/live';
import { OverviewView } from './views/overview';
import { PublishView } from './views/publish';
import { Door } from './views/door';
import { WebhooksView, webhookTrouble } from './views/webhooks';
import { Nothing } from './parts/basics';

interface Place { name: string; key: string; icon: IconName; path: string[] }

const places: readonly Place[] = [
  { name: 'Overview', key: 'o', icon: 'overview', path: [] },
  { name: 'Apps', key: 'a', icon: 'apps', path: ['apps'] },
  { name: 'Channels', key: 'c', icon: 'channels', path: ['channels'] },
  { name: 'Connections', key: 'n', icon: 'connections', path: ['connections'] },
  { name: 'Live events', key: 'l', icon: 'live', path: ['live'] },
  { name: 'Publish', key: 'p', icon: 'publish', path: ['publish'] },
  { name: 'Webhooks', key: 'w', icon: 'webhooks', path: ['webhooks'] },
  { name: 'Cluster', key: 's', icon: 'cluster', path: ['cluster'] },
];

/** The next view is opened for its search. */
let searching = false;

export function App() {
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = () => whoAmI().then(() => setError(null), (failed: unknown) => {
      setError(failed);
      timer = setTimeout(ask, 3000);
    });
    void ask();
    return () => clearTimeout(timer);
  }, []);

  const who = session.value;
  if (who === null) return error ? <main class="door"><div class="panel"><Brand /><Trouble error={error} /></div></main> : null;
  if (!who.authenticated) return <Door />;
  return <Frame />;
}

function Brand() {
  return <a class="brand" href="#/"><Mark />Gannet</a>;
}

function Frame() {
  const [menu, setMenu] = useState(false);
  const [help, setHelp] = useState(false);
  const { path } = route.value;
  const main = useRef<HTMLElement>(null);
  useKeys(() => setHelp(true));

  // The whole console lives by these: the side shows them, and charts go on while another view is open.
  usePoll('overview', 2000, askOverview);
  usePoll('apps', 5000, askApps);
  usePoll('version', 30_000, askVersion);
  usePoll('cluster', 3000, askCluster);

  const place = path.join('/');
  const first = useRef(true);
  // With the view, not after it was painted: a key that is pressed in between is for this view.
  useLayoutEffect(() => {
    setMenu(false);
    document.title = `${title(path)} · Gannet`;
    if (first.current) { first.current = false; return; }
    window.scrollTo(0, 0);
    const field = searching ? document.querySelector<HTMLElement>('[data-search]') : null;
    searching = false;
    (field ?? main.current)?.focus({ preventScroll: true });
  }, [place]);

  const { head, view } = look(path);
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>Skip to the content</a>
      <aside class="side" aria-label="Gannet"><Side onHelp={() => setHelp(true)} /></aside>
      <div>
        <header class="head">
          <button type="button" class="button plain icon menu" aria-label="Menu" onClick={() => setMenu(true)}>{icons.menu}</button>
          <h1>{head}</h1>
          <Health />
        </header>
        <main id="main" ref={main} tabIndex={-1} key={path[0] ?? ''}>{view}</main>
      </div>
      {menu ? <Dialog label="Menu" drawer onClose={() => setMenu(false)}><div class="side"><Side onHelp={() => { setMenu(false); setHelp(true); }} /></div></Dialog> : null}
      {help ? <Help onClose={() => setHelp(false)} /> : null}
      <Status />
    </div>
  );
}

function title(path: readonly string[]): string {
  const place = places.find(({ path: [first] }) => first === path[0]);
  return [...path.slice(1).reverse(), place?.name ?? 'Not found'].join(' · ');
}

function look(path: readonly string[]): { head: ComponentChildren; view: JSX.Element } {
  const [first, second, third] = path;
  const under = (name: string, to: string, rest: string) => <><span class="crumb"><a href={to}>{name}</a> / </span><span class="wrap">{rest}</span></>;
  switch (first) {
    case undefined: return { head: 'Overview', view: <OverviewView /> };
    case 'apps':
      if (second !== undefined) return { head: under('Apps', href(['apps']), second), view: <AppView id={second} key={second} /> };
      return { head: 'Apps', view: <AppsView /> };
    case 'channels':
      if (second !== undefined && third !== undefined) {
        return { head: under('Channels', href(['channels'], { app: second }), third), view: <ChannelView app={second} name={third} key={`${second}/${third}`} /> };
      }
      return { head: 'Channels', view: <ChannelsView /> };
    case 'connections':
      if (second !== undefined) return { head: under('Connections', href(['connections']), second), view: <ConnectionView id={second} key={second} /> };
      return { head: 'Connections', view: <ConnectionsView /> };
    case 'live': return { head: 'Live events', view: <LiveView /> };
    case 'publish': return { head: 'Publish', view: <PublishView /> };
    case 'webhooks': return { head: 'Webhooks', view: <WebhooksView /> };
    case 'cluster': return { head: 'Cluster', view: <ClusterView /> };
    default: return { head: 'Not found', view: <div class="panel"><Nothing title="There is no such place"><p>The address may be from another version. <a href="#/">Go to the overview</a></p></Nothing></div> };
  }
}

/** Whether the figures are fresh and the server wants clients. */
function Health() {
  const o = overview.value;
  let tone = 'good';
  let text = 'Ready';
  if (!reachable.value) [tone, text] = ['bad', 'No answer'];
  else if (o === null) [tone, text] = ['faint', 'Asking'];
  else if (!o.ready) [tone, text] = ['warn', o.reason || 'Not ready'];
  return (
    <div class="tools">
      {self.value ? <Switch /> : null}
      <span class={`dot ${tone}`} /><span class="soft cut" title={text}>{text}</span>
    </div>
  );
}

/** Which node this is, and the way to the consoles of the others. */
function Switch() {
  const c = cluster.value;
  const nodes = c?.nodes.filter(({ id, console }) => id === c.self || console) ?? [];
  if (nodes.length < 2) return <span class="tag" title="The node that is asked">{self.value}</span>;
  return (
    <select class="input node" aria-label="Node" value={c?.self} onChange={(e) => {
      const to = nodes.find(({ id }) => id === e.currentTarget.value);
      if (to?.console && to.id !== c?.self) location.assign(to.console + location.hash);
    }}>
      {nodes.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
    </select>
  );
}

function Side({ onHelp }: { onHelp: () => void }) {
  const now = useNow();
  const here = route.value.path[0];
  const v = version.value;
  const trouble = webhookTrouble.value;
  return (
    <>
      <Brand />
      <nav class="places" aria-label="Places">
        <ul>
          {places.map(({ name, icon, path, key }) => (
            <li key={name}>
              <a href={href(path)} aria-current={here === path[0] ? 'page' : undefined} aria-keyshortcuts={`g ${key}`}>
                {icons[icon]}{name}
                {path[0] === 'webhooks' && trouble > 0 ? <span class="badge" aria-label={`, ${trouble} failing`}>{trouble}</span> : null}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="foot">
        {v ? (
          <dl>
            <dt>Version</dt><dd class="cut" title={v.commit}>{v.version}</dd>
            <dt>Up</dt><dd>{span((now - Date.parse(v.started)) / 1000)}</dd>
          </dl>
        ) : null}
        <Segments<Theme> label="Colours" value={theme.value} onValue={choose}
          choices={[['system', icons.system, 'As the system'], ['light', icons.light, 'Light'], ['dark', icons.dark, 'Dark']]} />
        <div class="row">
          <button type="button" class="button plain small" onClick={onHelp}>Keys <kbd>?</kbd></button>
          {session.value?.required ? (
            <button type="button" class="button plain small" onClick={() => signOut().catch((e: unknown) => announce(String(e)))}>{icons.leave}Sign out</button>
          ) : null}
        </div>
      </div>
    </>
  );
}

function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog label="Keys" onClose={onClose}>
      <div class="inside">
        <h2>Keys</h2>
        <dl class="keys">
          <dt><kbd>/</kbd></dt><dd>Search in this view</dd>
          {places.map(({ name, key }) => <><dt><kbd>g</kbd> <kbd>{key}</kbd></dt><dd>{name}</dd></>)}
          <dt><kbd>↓</kbd> <kbd>↑</kbd></dt><dd>From row to row</dd>
          <dt><kbd>Space</kbd></dt><dd>Pause live events</dd>
          <dt><kbd>Ctrl</kbd> <kbd>Enter</kbd></dt><dd>Publish what is written</dd>
          <dt><kbd>t</kbd></dt><dd>Light or dark</dd>
          <dt><kbd>Esc</kbd></dt><dd>Close, or empty the search</dd>
        </dl>
        <div class="row"><button type="button" class="button" onClick={onClose}>Close</button></div>
      </div>
    </Dialog>
  );
}

/** The keys that work everywhere but in fields and dialogs. */
function useKeys(onHelp: () => void): void {
  const help = useRef(onHelp);
  help.current = onHelp;
  useLayoutEffect(() => {
    let g = 0; // when it was pressed
    const press = (e: KeyboardEvent) => {
      const target = e.target as HTMLElement;
      if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
      if (target.matches('input:not([type="radio"]):not([type="checkbox"]), select, textarea') || document.querySelector('dialog[open]')) return;
      const place = Date.now() - g < 1500 ? places.find(({ key }) => key === e.key) : undefined;
      g = 0;
      if (place) go(href(place.path));
      else if (e.key === 'g') { g = Date.now(); return; }
      else if (e.key === '?') help.current();
      else if (e.key === 't') choose(document.documentElement.dataset['theme'] === 'dark' ? 'light' : 'dark');
      else if (e.key === '/') {
        const field = document.querySelector<HTMLInputElement>('[data-search]');
        if (field) { field.focus(); field.select(); } else {
          searching = true;
          go(href(['channels']));
        }
      } else return;
      e.preventDefault();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}
