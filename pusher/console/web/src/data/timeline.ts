// The lines of the overview: what the server sent first, with what came since behind it.

import type { Timeline } from '../api/types';

/** As many moments as the server keeps: 15 minutes of 2 seconds. */
export const most = 450;

type Column = (number | null)[];

/** The timeline with newer moments behind it, at most `most` of them. What overlaps is taken once, from what came later. */
export function extend(have: Timeline | null, more: Timeline): Timeline {
  // A server that was started again, or a clock that was set, begins a new line.
  const last = have?.at.at(-1);
  const newest = more.at.at(-1);
  if (have === null || last === undefined || have.every_ms !== more.every_ms || (newest !== undefined && newest < last)) return cut(more, 0);
  const first = more.at[0];
  if (first === undefined) return have;
  const keep = have.at.findIndex((at) => at >= first);
  const joined: Record<string, unknown> = { every_ms: more.every_ms };
  for (const [name, column] of Object.entries(more)) {
    if (!Array.isArray(column)) continue;
    const before = ((have as unknown as Record<string, Column | undefined>)[name] ?? []).slice(0, keep < 0 ? have.at.length : keep);
    joined[name] = [...before, ...(column as Column)];
  }
  const all = joined as unknown as Timeline;
  return cut(all, Math.max(0, all.at.length - most));
}

function cut(line: Timeline, from: number): Timeline {
  if (from === 0) return line;
  const out = Object.entries(line).map(([name, value]) => [name, Array.isArray(value) ? value.slice(from) : value]);
  return Object.fromEntries(out) as Timeline;
}

/** Breaks in lines: where moments are missing because nobody measured, a moment with nulls is put between. */
export function broken(at: readonly number[], every: number, columns: readonly (readonly (number | null)[])[]): [number[], ...(number | null)[][]] {
  const xs: number[] = [];
  const ys: (number | null)[][] = columns.map(() => []);
  at.forEach((ms, i) => {
    const before = at[i - 1];
    if (before !== undefined && ms - before > 2.5 * every) {
      xs.push((before + every) / 1000);
      for (const y of ys) y.push(null);
    }
    xs.push(ms / 1000);
    ys.forEach((y, c) => y.push(columns[c]?.[i] ?? null));
  });
  return [xs, ...ys];
}

/** The last number of a column. */
export function latest(column: readonly (number | null)[]): number | null {
  return column.at(-1) ?? null;
}
