// The nodes that serve together, as this one sees them.

import { get } from '../api/client';
import type { Cluster } from '../api/types';
import { bytes, count, plural, short, span, stamp } from '../data/format';
import { useNow, usePoll } from '../data/poll';
import { Bones, Nothing, Panel, Scroll, Tag, Trouble } from '../parts/basics';
import { overview, version } from '../state';

export function ClusterView() {
  const poll = usePoll('cluster', 2000, (cancel) => get<Cluster>('/cluster', cancel));
  const now = useNow();
  const d = poll.data;
  const v = version.value;
  const totals = overview.value?.totals;
  const sum = (part: 'connections' | 'channels' | 'users') => d?.nodes.reduce<number | null>((all, node) => (node[part] === null ? all : (all ?? 0) + node[part]), null) ?? null;
  const unknown = d?.nodes.filter(({ connections }) => connections === null).length ?? 0;
  const alone = d?.driver === 'none';
  return (
    <>
      {poll.error ? <Trouble error={poll.error} again={poll.again} /> : null}
      {d?.state === 'away' ? <div class="note bad" role="alert">The backbone cannot be reached{d.since ? ` since ${stamp(d.since)}` : ''}{d.reason ? ` (${d.reason})` : ''}: what happens on other nodes is not known here, and clients here get no events from there.</div> : null}
      {d && !alone ? (
        <dl class="figures">
          <div><dt>Backbone</dt><dd>{d.driver}<small>{d.state}</small></dd></div>
          <div><dt>Nodes</dt><dd>{count(d.nodes.length)}</dd></div>
          <div><dt>Connections</dt><dd>{count(sum('connections'))}{unknown > 0 ? <small>{plural(unknown, 'node')} not counted</small> : null}</dd></div>
          {d.counts ? (
            <>
              <div><dt>From other nodes</dt><dd>{short(d.counts.in)}<small>{bytes(d.counts.in_bytes)}</small></dd></div>
              <div><dt>To other nodes</dt><dd>{short(d.counts.out)}<small>{bytes(d.counts.out_bytes)}</small></dd></div>
              <div><dt>Waiting to go out</dt><dd>{count(d.counts.waiting)}</dd></div>
            </>
          ) : null}
        </dl>
      ) : null}
      <Panel title="Nodes" flush>
        {alone ? (
          <Nothing title="This server is alone"><p>It serves {count(totals?.connections)} connections by itself. A backbone in the configuration, below <code>cluster</code>, makes it one of several.</p></Nothing>
        ) : (
          <Scroll>
            <table>
              <thead><tr><th>Node</th><th>State</th><th class="number">Connections</th><th class="number wide">Channels</th><th class="number wide">Users</th><th class="number wide">Since</th></tr></thead>
              <tbody>
                {poll.waiting ? <Bones columns={6} rows={3} /> : d?.nodes.map((node) => (
                  <tr key={node.id}>
                    <td><span class="row"><span style={{ fontWeight: 500 }}>{node.name || node.id}</span>{node.name ? <code class="faint">{node.id}</code> : null}{node.id === d.self ? <Tag tone="accent">this one</Tag> : null}</span></td>
                    <td><Tag tone={node.state === 'alive' ? 'good' : 'warn'}>{node.state}</Tag></td>
                    <td class="number">{count(node.connections)}</td><td class="number wide">{count(node.channels)}</td><td class="number wide">{count(node.users)}</td>
                    <td class="number wide soft" title={stamp(node.since)}>{node.since ? span((now - Date.parse(node.since)) / 1000) : '–'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Panel>
      {d && !alone && (d.details?.length || d.counts) ? (
        <Panel title="Backbone">
          <dl class="facts">
            {d.details?.map(({ name, value }) => <><dt>{name.replaceAll('_', ' ')}</dt><dd>{value}</dd></>)}
            {d.counts ? <><dt>reconnects</dt><dd>{count(d.counts.reconnects)}</dd><dt>rejoins</dt><dd>{count(d.counts.rejoins)}</dd></> : null}
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
    </>
  );
}
