// Where in the console one is, in the fragment of the address: #/channels/1/room-7?q=x. A fragment needs nothing of the
// server, and so the console works below any path that a proxy gives it.

import { computed, signal } from '@preact/signals';

export interface Route {
  /** The parts of the path, decoded: ["channels", "1", "room-7"]; [] for the overview. */
  path: string[];
  query: Record<string, string>;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // somebody typed a percent sign
  }
}

export function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s);
  return {
    path: path.split('/').filter((part) => part !== '').map(decode),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** The fragment of a route; values that are empty are left out. */
export function href(path: readonly string[], query: Record<string, string | undefined> = {}): string {
  const kept = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '');
  const tail = new URLSearchParams(kept).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${tail ? `?${tail}` : ''}`;
}

const hash = signal(typeof location === 'undefined' ? '' : location.hash);
if (typeof window !== 'undefined') window.addEventListener('hashchange', () => { hash.value = location.hash; });

export const route = computed(() => parse(hash.value));

/** Goes there now: the next key that is pressed finds the new view, although the browser tells of the change later. */
export function go(to: string): void {
  location.hash = to;
  hash.value = location.hash;
}

/**
 * Changes the query of where one is, without an entry in the browser's history: for what is typed. Who is on the way to
 * another view, of which the browser has not told yet, is not called back.
 */
export function refine(changes: Record<string, string | undefined>): void {
  const { path, query } = parse(location.hash);
  if (path.join('/') !== route.peek().path.join('/')) return;
  const next = href(path, { ...query, ...changes });
  history.replaceState(null, '', next);
  hash.value = next;
}
