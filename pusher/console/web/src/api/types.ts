// The shapes of docs/admin-api.md, as far as the console looks at them.

export interface Session { required: boolean; authenticated: boolean; expires: string | null; version: string }

export interface Version { version: string; commit: string; go: string; started: string; dev: boolean; loops: number }

export interface Totals {
  connections: number; subscriptions: number; channels: number;
  messages_in: number; messages_out: number; bytes_in: number; bytes_out: number;
  published_rest: number; published_client: number; deliveries: number;
  backlog_bytes: number; slow_clients: number; memory_bytes: number; heap_bytes: number;
}

export interface Reason { reason: string; total: number; per_s: number }
export interface Loop { loop: number; connections: number; lag_ms: number | null; waiting: number }

/** Columns beside `at`: one number for each of its moments. */
export interface Columns {
  connections: number[]; subscriptions: number[]; channels: number[];
  messages_in: number[]; messages_out: number[]; bytes_in: number[]; bytes_out: number[];
  published: number[]; drops: number[]; refusals: number[];
  p50_ms: (number | null)[]; p99_ms: (number | null)[]; loop_lag_ms: (number | null)[];
  memory_bytes: number[]; heap_bytes: number[]; backlog_bytes: number[]; cpu: number[]; webhooks_queued: number[];
}
export interface Timeline extends Columns { every_ms: number; at: number[] }

export interface Overview {
  now: number; started: string; ready: boolean; reason: string;
  totals: Totals;
  by_reason: { drops: Reason[]; refusals: Reason[]; closes: Reason[]; rest: Reason[] };
  loops: Loop[];
  timeline: Timeline;
}

export interface Key { key: string; secret: string }
export interface Rule {
  match: string; history_events: number; history_ttl_s: number; cache: string; key: string; slow: string; client_events: boolean | null;
}
export type Unit = 'count' | 'bytes' | 'per_second' | 'seconds' | 'chars';
export interface Limit { name: string; limit: number; used: number | null; unit: Unit }
export interface App {
  id: string; enabled: boolean; keys: Key[];
  client_events: boolean; require_sign_in: boolean; subscription_count: boolean; watchlist: boolean;
  origins: string[]; webhooks: number; rules: Rule[];
  connections: number; channels: number; users: number;
  traffic: {
    published: number; client_events: number; deliveries: number;
    published_per_s: number; client_events_per_s: number; deliveries_per_s: number;
    bytes_in?: number; bytes_out?: number; http_bytes_in?: number; http_bytes_out?: number;
    bytes_in_per_s?: number; bytes_out_per_s?: number; http_bytes_in_per_s?: number; http_bytes_out_per_s?: number;
  };
  refusals?: { door: string; class: string; reason: string; total: number; per_s: number }[];
  limits: Limit[];
}

export interface Channel {
  name: string; kind: string; cache: boolean; subscribers: number; members: number | null; history: { head: string } | null;
}
export interface Channels { channels: Channel[]; next: string | null; total: number }
export interface Member { id: string; connections: number; info?: unknown }
export interface Members { members: Member[]; next: string | null }
export interface Past { serial: string; time: string; message: { event: string; data?: unknown; [more: string]: unknown } }
export interface Pasts { events: Past[]; next: string | null }
export interface ChannelDetail {
  channel: Channel; rule: string | null; cached: { event: string; data: string; ttl_s: number } | null; members: Members | null; events: Pasts | null;
}

export interface Connection {
  socket_id: string; app: string; address: string; user: string | null; subscriptions: number;
  backlog_bytes: number; backlog_frames: number; backlog_age_ms: number; connected: string; loop: number; secure: boolean;
}
/** Another node where what was looked for is. */
export interface Place { id: string; name: string; console: string; by: string; connections: number | null }
export interface Connections { connections: Connection[]; next: string | null; examined: number; complete: boolean; elsewhere?: Place[] }
export interface ConnectionDetail extends Connection {
  channels: { name: string; user?: string | null }[]; channels_total: number;
  silent_ms: number; compressed: boolean; kernel_bytes: number | null; rtt_ms: number | null;
  last_error: { time: string; code: number; reason: string; message: string } | null;
}

export const kinds = [
  'publish', 'client_event', 'subscribe', 'unsubscribe', 'member_added', 'member_removed', 'occupied', 'vacated', 'connect', 'disconnect', 'error',
] as const;
export interface LiveEvent {
  type: string; time: number; node?: string; app?: string;
  channel?: string; event?: string; data?: string; size?: number; receivers?: number;
  socket_id?: string; user?: string; address?: string; code?: number; reason?: string; message?: string;
}
export interface LiveStats { time: number; shown: number; left_out: number; away?: boolean }

export interface Webhook {
  app: string; webhook: string; url: string; events: string[];
  queued_events: number; unsafe_events: number; sending: number; oldest: string | null; failing: boolean;
}
export interface Webhooks { webhooks: Webhook[]; dead_letters: number; dead_bytes: number; durable: boolean }
export interface Letter {
  id: string; app: string; webhook: string; reason: string; tries: number; created: string; died: string; events: unknown[];
}
export interface Letters { dead: Letter[]; next?: string }
export interface Trial {
  webhook: string; ok: boolean; sent: string; status?: number; body?: string; reason?: string; error?: string; took_ms: number;
}

export interface Node {
  id: string; name: string; state: string; since: string | null; connections: number | null; channels: number | null; users: number | null;
  subscriptions?: number | null; messages_in_per_s?: number | null; messages_out_per_s?: number | null; published_per_s?: number | null;
  memory_bytes?: number | null; loop_lag_ms?: number | null; cpu?: number | null; backlog_bytes?: number | null;
  version?: string | null; started?: string | null; ready?: boolean | null; reason?: string | null;
  hooks_queued?: number | null; hooks_failing?: number | null; dead_letters?: number | null; console?: string | null; heard_ms?: number | null;
}
export interface Cluster {
  driver: string; state: string; self: string; since?: string; reason?: string; nodes: Node[];
  details?: { name: string; value: string }[];
  counts?: { in: number; out: number; in_bytes: number; out_bytes: number; changes: number; reconnects: number; rejoins: number; refetched: number; waiting: number };
}
