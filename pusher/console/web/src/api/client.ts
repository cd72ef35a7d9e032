// Requests to the admin API, which is beside this page, below whatever path a proxy may give both.

import { signal } from '@preact/signals';
import type { Place, Session } from './types';

/** An answer that is not what was asked for, or none. */
export class ApiError extends Error {
  override name = 'ApiError';
  constructor(message: string, readonly status: number, readonly code: string, readonly retryAfter = 0, readonly elsewhere: readonly Place[] = []) {
    super(message);
  }

  /** Nothing answered: it may tomorrow. */
  get away(): boolean { return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504; }
}

/** Who we are to the server; null until it has told. */
export const session = signal<Session | null>(null);

/** Whether the last request was answered at all. */
export const reachable = signal(true);

/** A path of the API, with its parts escaped: api`/apps/${id}/channels`. */
export function api(parts: TemplateStringsArray, ...values: string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

/** The query of an address, without what is empty; '' for none. */
export function query(values: Record<string, string | number | undefined>): string {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined && value !== '').map(([name, value]) => [name, String(value)]);
  return kept.length === 0 ? '' : `?${new URLSearchParams(kept)}`;
}

async function failure(response: Response): Promise<ApiError> {
  let text = '';
  let code = '';
  let elsewhere: Place[] = [];
  try {
    const body = (await response.json()) as { error?: string; code?: string; elsewhere?: Place[] };
    text = body.error ?? '';
    code = body.code ?? '';
    elsewhere = body.elsewhere ?? [];
  } catch {
    // Somebody else answered, such as a proxy.
  }
  return new ApiError(text || `The server answered ${response.status}.`, response.status, code, Number(response.headers.get('Retry-After')) || 0, elsewhere);
}

/** Sends a request and returns its answer when that is good; notes when we are not let in any more. */
export async function send(method: string, path: string, body?: unknown, cancel?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = {};
  if (method !== 'GET') headers['X-Gannet-Request'] = '1';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(new URL(`api${path}`, document.baseURI), {
      method, headers, body: body === undefined ? null : JSON.stringify(body), cache: 'no-store', credentials: 'same-origin', signal: cancel ?? null,
    });
  } catch (error) {
    if (cancel?.aborted) throw error;
    reachable.value = false;
    throw new ApiError('The server does not answer.', 0, 'unreachable');
  }
  reachable.value = true;
  if (response.ok) return response;
  const error = await failure(response);
  if (error.status === 401 && error.code !== 'wrong_secret' && session.value) session.value = { ...session.value, required: true, authenticated: false };
  throw error;
}

export async function get<T>(path: string, cancel?: AbortSignal): Promise<T> {
  return (await (await send('GET', path, undefined, cancel)).json()) as T;
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  return (await (await send('POST', path, body)).json()) as T;
}

export async function whoAmI(): Promise<void> {
  session.value = await get<Session>('/session');
}

export async function signIn(secret: string): Promise<void> {
  session.value = await post<Session>('/session', { secret });
}

export async function signOut(): Promise<void> {
  session.value = (await (await send('DELETE', '/session')).json()) as Session;
}

/** What to tell a person about an error. */
export function say(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
