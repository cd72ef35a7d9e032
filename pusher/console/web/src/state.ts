// What views share: the apps there are, the one that was looked at last, and the lines of the overview, which go on while
// another view is open.

import { computed, signal } from '@preact/signals';
import { get } from './api/client';
import type { App, Cluster, Overview, Timeline, Version } from './api/types';
import { extend } from './data/timeline';

export const apps = signal<App[] | null>(null);
export const version = signal<Version | null>(null);
export const overview = signal<Overview | null>(null);
export const timeline = signal<Timeline | null>(null);

/** The cluster as it was last seen; null where it is not known yet. */
export const cluster = signal<Cluster | null>(null);

/** The name of this node, '' where there is no other. */
export const self = computed(() => {
  const c = cluster.value;
  if (c === null || c.driver === 'none') return '';
  return c.nodes.find(({ id }) => id === c.self)?.name || c.self;
});

export async function askCluster(cancel?: AbortSignal): Promise<Cluster> {
  cluster.value = await get<Cluster>('/cluster', cancel);
  return cluster.value;
}

const key = 'gannet.app';

function kept(): string {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/** The app that was looked at last; '' for none yet. */
const last = signal(kept());

export function remember(app: string): void {
  if (app === '' || app === last.peek()) return;
  last.value = app;
  try {
    sessionStorage.setItem(key, app);
  } catch {
    // It lasts as long as the page.
  }
}

/** The app to look at when the address names none. */
export function likely(): string {
  const all = apps.value;
  if (all === null) return last.value;
  return all.find(({ id }) => id === last.value)?.id ?? all.find(({ enabled }) => enabled)?.id ?? all[0]?.id ?? '';
}

export async function askApps(cancel?: AbortSignal): Promise<App[]> {
  const { apps: all } = await get<{ apps: App[] }>('/apps', cancel);
  apps.value = all;
  return all;
}

export async function askVersion(cancel?: AbortSignal): Promise<Version> {
  version.value ??= await get<Version>('/version', cancel);
  return version.value;
}

/** Asks for what is new since the last time. */
export async function askOverview(cancel?: AbortSignal): Promise<Overview> {
  const since = timeline.peek()?.at.at(-1);
  const before = overview.peek();
  let answer = await get<Overview>(`/overview${since === undefined ? '' : `?since=${since}`}`, cancel);
  if (before !== null && before.started !== answer.started) {
    // It was started again: a new line, and maybe another version.
    timeline.value = null;
    version.value = null;
    answer = await get<Overview>('/overview', cancel);
  }
  timeline.value = extend(timeline.peek(), answer.timeline);
  overview.value = answer;
  return answer;
}
