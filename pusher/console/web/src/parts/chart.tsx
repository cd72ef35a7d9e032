// One chart of lines over time: uPlot draws it, the legend above it is ours and tells the values under the cursor, which all
// charts of a page share.

import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { broken } from '../data/timeline';
import { dark } from '../theme';

export interface Series {
  name: string;
  values: readonly (number | null)[];
}

const palette = ['--series-1', '--series-2', '--series-3', '--series-4'];

/** The colour that a property of the style sheet has now, in a form that a canvas takes. */
function colour(probe: HTMLElement, name: string): string {
  probe.style.color = `var(${name})`;
  const value = getComputedStyle(probe).color;
  probe.style.color = '';
  return value;
}

/** Moments that have nobody beside them would not be seen as a line, so they get a point. */
function lonely(u: uPlot, s: number): number[] {
  const values = u.data[s];
  if (!values) return [];
  const out: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) out.push(i);
  }
  return out;
}

const powers = Array.from({ length: 40 }, (_, i) => 2 ** i);

const two = (n: number) => String(n).padStart(2, '0');

export function Chart({ title, at, every, series, format, span, least, note, binary = false }: {
  title: string; at: readonly number[]; every: number; series: readonly Series[];
  /** Writes a value. */
  format: (value: number | null) => string;
  /** How many seconds are shown. */
  span: number;
  /** What the top of the scale is at least, so that a quiet line does not look like a storm. */
  least: number;
  note?: string;
  /** Steps of the scale are powers of two, as bytes are written. */
  binary?: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [under, setUnder] = useState<number | null>(null);
  const night = dark.value;
  const data = broken(at, every, series.map(({ values }) => values));
  const now = useRef({ data, format, span });
  now.current = { data, format, span };

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const soft = colour(element, '--faint');
    const line = colour(element, '--line');
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const options: uPlot.Options = {
      width: Math.max(80, element.clientWidth),
      height: element.clientHeight,
      padding: [6, 8, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: 'console', setSeries: false },
        points: { size: 6, width: 0 },
        drag: { x: false, y: false },
        y: false,
      },
      scales: {
        x: { time: true, range: () => {
          const end = now.current.data[0].at(-1) ?? Date.now() / 1000;
          return [end - now.current.span, end];
        } },
        y: { range: (_, __, max) => [0, Math.max(least, (max ?? 0) * 1.08)] },
      },
      axes: [
        {
          stroke: soft, font, size: 24, gap: 4, space: 64, grid: { show: false }, ticks: { show: false }, incrs: [10, 30, 60, 120, 300],
          values: (_, splits) => splits.map((s) => {
            const d = new Date(s * 1000);
            return `${two(d.getHours())}:${two(d.getMinutes())}${now.current.span < 240 ? `:${two(d.getSeconds())}` : ''}`;
          }),
        },
        {
          stroke: soft, font, size: 62, gap: 6, space: 34, grid: { stroke: line, width: 1 }, ticks: { show: false },
          values: (_, splits) => splits.map((value) => (value === 0 ? '0' : now.current.format(value))),
          ...(binary ? { incrs: powers } : {}),
        },
      ],
      series: [
        {},
        ...series.map(({ name }, i): uPlot.Series => {
          const stroke = colour(element, palette[i % palette.length] ?? '--series-1');
          return {
            label: name, stroke, width: 1.5, spanGaps: false,
            ...(i === 0 ? { fill: stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.09)') } : {}),
            points: { show: (u, s) => lonely(u, s).length > 0, filter: (u, s) => lonely(u, s), size: 3, width: 0, fill: stroke },
          };
        }),
      ],
      hooks: { setCursor: [(u) => setUnder(u.cursor.idx ?? null)] },
    };
    const u = new uPlot(options, now.current.data, element);
    plot.current = u;
    const resized = new ResizeObserver(() => u.setSize({ width: Math.max(80, element.clientWidth), height: element.clientHeight }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [night, series.length]);

  useEffect(() => { plot.current?.setData(data); }, [at, span, ...series.map(({ values }) => values)]);

  const place = under !== null && under < data[0].length ? under : data[0].length - 1;
  const value = (i: number) => data[i + 1]?.[place] ?? null;
  const spoken = series.map(({ name }, i) => `${name} ${format(data[i + 1]?.at(-1) ?? null)}`).join(', ');
  return (
    <figure class="panel chart">
      <figcaption>
        <h2 title={note}>{title}</h2>
        <div class="legend">
          {series.map(({ name }, i) => <span key={name}><i class={`series-${i + 1}`} />{name} <b>{format(value(i))}</b></span>)}
        </div>
      </figcaption>
      <div class="plot" ref={box} role="img" aria-label={`${title}: ${spoken}`} />
    </figure>
  );
}
