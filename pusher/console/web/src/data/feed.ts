// The live stream as the page keeps it: the newest events, held still while somebody reads, and how many are not shown.

import type { LiveEvent, LiveStats } from '../api/types';
import { Ring } from './ring';

export interface Line extends LiveEvent {
  /** Counts from 1 on this page: its identity. */
  n: number;
}

export class Feed {
  #ring: Ring<Line>;
  #n = 0;
  #held: { lines: Line[]; n: number } | null = null;
  #stats: LiveStats = { time: 0, shown: 0, left_out: 0 };
  #before = 0; // left out of streams that have ended

  constructor(capacity = 2000) {
    this.#ring = new Ring(capacity);
  }

  get capacity(): number { return this.#ring.capacity; }

  push(event: LiveEvent): void {
    this.#ring.push({ ...event, n: ++this.#n });
  }

  stats(stats: LiveStats): void {
    this.#stats = stats;
  }

  /** A new stream begins; its stats count from 0. */
  restart(): void {
    this.#before += this.#stats.left_out;
    this.#stats = { time: 0, shown: 0, left_out: 0 };
  }

  /** What is shown stays as it is until release; what comes meanwhile is kept for then. */
  hold(): void {
    this.#held ??= { lines: this.#ring.toArray(), n: this.#n };
  }

  release(): void {
    this.#held = null;
  }

  get holding(): boolean { return this.#held !== null; }

  /** How many have come since hold. */
  get newer(): number { return this.#held ? this.#n - this.#held.n : 0; }

  /** How many the server did not send, over all streams. */
  get leftOut(): number { return this.#before + this.#stats.left_out; }

  /** Nothing comes from the other nodes. */
  get away(): boolean { return this.#stats.away === true; }

  /** How many came and were pushed out here. */
  get forgotten(): number { return this.#ring.lost; }

  get total(): number { return this.#n; }

  clear(): void {
    this.#ring.clear();
    this.#n = 0;
    this.#held = null;
    this.#before = -this.#stats.left_out;
  }

  /** The lines to show, the newest first, of those that have all words of the text in them. */
  lines(text = ''): Line[] {
    const words = text.toLowerCase().split(/\s+/).filter((word) => word !== '');
    const all = this.#held ? this.#held.lines : this.#ring.toArray();
    const kept = words.length === 0 ? [...all] : all.filter((line) => matches(line, words));
    return kept.reverse();
  }
}

/** Whether each word is in one of the texts of an event. */
export function matches(line: LiveEvent, words: readonly string[]): boolean {
  const text = [line.type, line.node, line.app, line.channel, line.event, line.data, line.socket_id, line.user, line.address, line.reason, line.message]
    .filter((part) => part !== undefined).join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}

/** What of a list of rows is in sight, with some beyond on both sides. */
export function visible(rows: number, row: number, top: number, height: number, beyond = 8): { from: number; to: number } {
  const from = Math.max(0, Math.min(rows, Math.floor(top / row)) - beyond);
  const to = Math.min(rows, Math.ceil((top + height) / row) + beyond);
  return { from, to: Math.max(from, to) };
}
