// The nodes that serve together: how each of them is, and the backbone as this one sees it.

import type { Node } from '../api/types';
import { bytes, count, plural, rate, seconds, short, span, stamp } from '../data/format';
import { useNow, usePoll } from '../data/poll';
import { Bones, Nothing, Panel, Scroll, Tag, Trouble, type Tone } from '../parts/basics';
import { href } from '../route';
import { askCluster, overview, version } from '../state';

type Figure = 'connections' | 'messages_in_per_s' | 'messages_out_per_s' | 'memory_bytes';

const states: Record<string, readonly [Tone, string]> = { alive: ['good', 'alive'], leaving: ['warn', 'leaving'], not_ready: ['warn', 'not ready'], silent: ['bad', 'silent'] };

export function ClusterView() {
  const poll = usePoll('cluster view', 2000, askCluster);
  const now = useNow();
  const d = poll.data;
  const v = version.value;
  const totals = overview.value?.totals;
  const sum = (part: Figure) => d?.nodes.reduce<number | null>((all, node) => (node[part] == null ? all : (all ?? 0) + node[part]), null) ?? null;
  const unknown = d?.nodes.filter(({ connections }) => connections === null).length ?? 0;
  const alone = d?.driver === 'none';
  const versions = new Set(d?.nodes.map((node) => node.version).filter((one) => one != null));
  return (
    <>
      {poll.error ? <Trouble error={poll.error} again={poll.again} /> : null}
      {d?.state === 'away' ? <div class="note bad" role="alert">The backbone cannot be reached{d.since ? ` since ${stamp(d.since)}` : ''}{d.reason ? ` (${d.reason})` : ''}: what happens on other nodes is not known here, and clients here get no events from there.</div> : null}
      {versions.size > 1 ? <div class="note warn">The nodes run {versions.size} versions: {[...versions].sort().join(', ')}.</div> : null}
      {d && !alone ? (
        <dl class="figures">
          <div><dt>Nodes</dt><dd>{count(d.nodes.length)}<small>{d.driver.split(',')[0]}, {d.state}</small></dd></div>
          <div><dt>Connections</dt><dd>{count(sum('connections'))}{unknown > 0 ? <small>{plural(unknown, 'node')} not counted</small> : null}</dd></div>
          <div><dt>Messages in</dt><dd>{rate(sum('messages_in_per_s'))}</dd></div>
          <div><dt>Messages out</dt><dd>{rate(sum('messages_out_per_s'))}</dd></div>
          <div><dt>Memory</dt><dd>{bytes(sum('memory_bytes'))}</dd></div>
        </dl>
      ) : null}
      <Panel title="Nodes" flush>
        {alone ? (
          <Nothing title="This server is alone"><p>It serves {count(totals?.connections)} connections by itself. A backbone in the configuration, below <code>cluster</code>, makes it one of several.</p></Nothing>
        ) : (
          <Scroll>
            <table class="nodes">
              <thead><tr><th>Node</th><th>State</th><th class="number">Connections</th><th class="number wide">In</th><th class="number">Out</th><th class="number wide">Memory</th><th class="number wide">CPU</th><th class="number wide">Lag</th><th class="wide">Version</th><th class="number wide">Up</th></tr></thead>
              <tbody>
                {poll.waiting ? <Bones columns={10} rows={3} /> : d?.nodes.map((node) => <NodeRow key={node.id} node={node} own={node.id === d.self} now={now} />)}
              </tbody>
            </table>
          </Scroll>
        )}
      </Panel>
      <div class={alone ? '' : 'columns two'}>
        {d && !alone ? (
          <Panel title="Backbone, as this node sees it">
            <dl class="facts">
              <dt>driver</dt><dd>{d.driver}</dd>
              {d.details?.map(({ name, value }) => <><dt>{name.replaceAll('_', ' ')}</dt><dd>{value}</dd></>)}
              {d.counts ? (
                <>
                  <dt>messages in</dt><dd>{short(d.counts.in)} <span class="faint">{bytes(d.counts.in_bytes)}</span></dd>
                  <dt>messages out</dt><dd>{short(d.counts.out)} <span class="faint">{bytes(d.counts.out_bytes)}</span></dd>
                  <dt>waiting to go out</dt><dd>{count(d.counts.waiting)}</dd>
                  <dt>reconnects</dt><dd>{count(d.counts.reconnects)}</dd><dt>rejoins</dt><dd>{count(d.counts.rejoins)}</dd>
                </>
              ) : null}
            </dl>
          </Panel>
        ) : null}
        <Panel title="This node">
          <dl class="facts">
            <dt>Version</dt><dd>{v ? <>{v.version} <code class="faint">{v.commit}</code></> : '–'}</dd>
            <dt>Built with</dt><dd>{v?.go ?? '–'}</dd>
            <dt>Started</dt><dd>{v ? `${stamp(v.started)}, ${span((now - Date.parse(v.started)) / 1000)} ago` : '–'}</dd>
            <dt>Loops</dt><dd>{count(v?.loops)}</dd>
            <dt>Ready</dt><dd>{overview.value ? (overview.value.ready ? <Tag tone="good">yes</Tag> : <><Tag tone="warn">no</Tag> {overview.value.reason}</>) : '–'}</dd>
            {v?.dev ? <><dt>Mode</dt><dd><Tag tone="warn">development</Tag></dd></> : null}
          </dl>
        </Panel>
      </div>
    </>
  );
}

function NodeRow({ node, own, now }: { node: Node; own: boolean; now: number }) {
  const [tone, word] = states[node.state] ?? ['warn', node.state];
  const name = node.name || node.id;
  const up = node.started ?? node.since;
  const lag = node.loop_lag_ms ?? null;
  const heard = (node.heard_ms ?? 0) / 1000;
  return (
    <tr>
      <td title={`Incarnation ${node.id}`}>
        <span class="row" style={{ flexWrap: 'nowrap' }}>
          {own || !node.console ? <span class="name" style={{ fontWeight: 500 }}>{name}</span> : <a class="name" href={node.console + href(['cluster'])} title={`The console of ${name}`}>{name}</a>}
          {own ? <Tag tone="accent">this one</Tag> : null}
        </span>
      </td>
      <td><Tag tone={tone} title={node.reason || undefined}>{word}</Tag>{node.state === 'silent' ? <span class="faint"> heard {span(heard)} ago</span> : node.state === 'not_ready' && node.reason ? <span class="faint wide"> {node.reason}</span> : null}</td>
      <td class="number">{count(node.connections)}</td>
      <td class="number wide">{rate(node.messages_in_per_s ?? null)}</td>
      <td class="number">{rate(node.messages_out_per_s ?? null)}</td>
      <td class="number wide">{bytes(node.memory_bytes ?? null)}</td>
      <td class="number wide">{node.cpu == null ? '–' : `${Math.round(node.cpu * 100)} %`}</td>
      <td class="number wide"><span class={lag !== null && lag >= 100 ? 'bad' : lag !== null && lag >= 20 ? 'warn' : ''}>{lag === null ? '–' : seconds(lag / 1000)}</span></td>
      <td class="wide soft cut" title={node.version ?? undefined}>{node.version ?? '–'}</td>
      <td class="number wide soft" title={stamp(up)}>{up ? span((now - Date.parse(up)) / 1000) : '–'}</td>
    </tr>
  );
}
