// How the server does, now and in the last quarter of an hour.

import { useMemo, useState } from 'preact/hooks';
import type { Reason } from '../api/types';
import { bytes, count, rate, seconds, short, span as spanned } from '../data/format';
import { useNow } from '../data/poll';
import { latest } from '../data/timeline';
import { Panel, Scroll, Segments } from '../parts/basics';
import { Chart } from '../parts/chart';
import { overview, self, timeline } from '../state';

const ms = (value: number | null) => seconds(value === null ? null : value / 1000);

const spans = [['120', '2 min'], ['300', '5 min'], ['900', '15 min']] as const;
type Span = (typeof spans)[number][0];

export function OverviewView() {
  const [span, setSpan] = useState<Span>('300');
  const now = useNow();
  const o = overview.value;
  const line = timeline.value;
  const totals = o?.totals;
  const recent = useMemo(() => line && {
    in: latest(line.messages_in), out: latest(line.messages_out), cpu: latest(line.cpu),
    p50: last(line.p50_ms), p99: last(line.p99_ms),
  }, [line]);
  const t = line ?? empty;
  const shared = { at: t.at, every: t.every_ms, span: Number(span) };
  return (
    <>
      <div class="row">
        <Segments label="Time shown" value={span} choices={spans} onValue={setSpan} />
        <span class="faint push wide">{o ? `Up ${spanned((now - Date.parse(o.started)) / 1000)}, figures of ${self.value ? `node ${self.value} alone` : 'this node'}` : 'Asking the server'}</span>
      </div>
      <dl class="figures">
        <Figure name="Connections" value={count(totals?.connections)} />
        <Figure name="Subscriptions" value={short(totals?.subscriptions)} more={totals ? `on ${short(totals.channels)} channels` : ''} />
        <Figure name="Messages in" value={rate(recent?.in)} />
        <Figure name="Messages out" value={rate(recent?.out)} />
        <Figure name="Publish to sent" value={ms(recent?.p50 ?? null)} more={recent?.p99 != null ? `p99 ${ms(recent.p99)}` : ''} />
        <Figure name="Waiting for clients" value={bytes(totals?.backlog_bytes)} more={totals && totals.slow_clients > 0 ? `${short(totals.slow_clients)} slow` : ''} />
        <Figure name="Processors" value={recent?.cpu != null ? recent.cpu.toFixed(2) : '–'} />
        <Figure name="Memory" value={bytes(totals?.memory_bytes)} />
      </dl>
      <div class="charts">
        <Chart {...shared} title="Connections" format={short} least={10} series={[{ name: 'open', values: t.connections }]} />
        <Chart {...shared} title="Messages" format={rate} least={10} series={[{ name: 'out', values: t.messages_out }, { name: 'in', values: t.messages_in }]} />
        <Chart {...shared} title="Publish to sent" note="From a publish until a loop has sent it to its last subscriber there" format={ms} least={1}
          series={[{ name: 'p50', values: t.p50_ms }, { name: 'p99', values: t.p99_ms }]} />
        <Chart {...shared} title="Drops" note="Frames queued and never sent, and errors told to clients" format={rate} least={1}
          series={[{ name: 'dropped', values: t.drops }, { name: 'refused', values: t.refusals }]} />
        <Chart {...shared} title="Loop lag" note="How late the clock tick of the slowest loop ran" format={ms} least={1} series={[{ name: 'worst', values: t.loop_lag_ms }]} />
        <Chart {...shared} title="Memory" format={bytes} binary least={32 << 20} series={[{ name: 'resident', values: t.memory_bytes }, { name: 'heap', values: t.heap_bytes }]} />
      </div>
      <div class="columns">
        <Panel title="Loops" flush>
          <Scroll>
            <table>
              <thead><tr><th>Loop</th><th class="number">Connections</th><th class="number">Lag</th><th class="number">In its mailbox</th></tr></thead>
              <tbody>
                {(o?.loops ?? []).map(({ loop, connections, lag_ms, waiting }) => (
                  <tr key={loop}><td>{loop}</td><td class="number">{count(connections)}</td><td class="number">{ms(lag_ms)}</td><td class="number">{count(waiting)}</td></tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </Panel>
        <Reasons title="Connections ended" reasons={o?.by_reason.closes} nothing="No WebSocket has ended since the start." />
        <Reasons title="Told to clients" reasons={o?.by_reason.refusals} nothing="No client was refused anything." />
        <Reasons title="Frames dropped" reasons={o?.by_reason.drops} nothing="Every frame was sent." />
        <Reasons title="HTTP requests refused" reasons={o?.by_reason.rest} nothing="No request was refused." />
      </div>
    </>
  );
}

const empty = {
  every_ms: 2000, at: [], connections: [], messages_in: [], messages_out: [], p50_ms: [], p99_ms: [], drops: [], refusals: [], loop_lag_ms: [], memory_bytes: [], heap_bytes: [],
};

/** The last number there was in the last ten moments: an idle server has none in most. */
function last(column: readonly (number | null)[]): number | null {
  return column.slice(-10).findLast((value) => value !== null) ?? null;
}

function Figure({ name, value, more = '' }: { name: string; value: string; more?: string }) {
  return <div><dt>{name}</dt><dd>{value}{more ? <small>{more}</small> : null}</dd></div>;
}

function Reasons({ title, reasons, nothing }: { title: string; reasons: Reason[] | undefined; nothing: string }) {
  return (
    <Panel title={title} flush>
      {!reasons || reasons.length === 0 ? <p class="nothing" style={{ padding: '18px' }}>{reasons ? nothing : '–'}</p> : (
        <Scroll>
          <table>
            <thead><tr><th>Reason</th><th class="number">Since the start</th><th class="number">Last minute</th></tr></thead>
            <tbody>
              {reasons.slice(0, 8).map(({ reason, total, per_s }) => (
                <tr key={reason}><td>{reason.replaceAll('_', ' ')}</td><td class="number">{count(total)}</td><td class={`number ${per_s > 0 ? '' : 'faint'}`}>{rate(per_s)}</td></tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}
