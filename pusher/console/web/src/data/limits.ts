import type { Limit } from '../api/types';

export interface Used extends Limit { part: number }

/** The limit that is nearest to be reached; null when nothing is counted. */
export function tightest(limits: readonly Limit[]): Used | null {
  let most: Used | null = null;
  for (const limit of limits) {
    if (limit.used === null || limit.limit <= 0) continue;
    const part = limit.used / limit.limit;
    if (most === null || part > most.part) most = { ...limit, part };
  }
  return most;
}
