// Numbers, times and names as the console writes them. English throughout, so that a figure read aloud to a colleague is the
// figure in the log; always three significant digits, so that columns of them compare at a glance.

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** What stands where there is no figure. */
export const none = '–';

/** Three significant digits, without zeros at the end: 0.5, 12.3, 457. */
function three(n: number): string {
  if (n === 0) return '0';
  const size = Math.abs(n);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return String(Number(n.toFixed(digits)));
}

/** A whole number with its thousands set apart: 12,345. */
export function count(n: number | null | undefined): string {
  return n === null || n === undefined || !Number.isFinite(n) ? none : grouped.format(n);
}

/** A number in few places: 999, 12.3k, 4.56M. */
export function short(n: number | null | undefined): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return none;
  for (const [unit, name] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const) {
    // 999.95 would be written as 1000.
    if (Math.abs(n) >= unit * 0.9995) return three(n / unit) + name;
  }
  return three(n);
}

/** So many a second: 1.2k/s. */
export function rate(n: number | null | undefined): string {
  const text = short(n);
  return text === none ? none : `${text}/s`;
}

/** An amount of memory, in powers of 1024 as the configuration writes it: 512 B, 1.5 KiB, 64 MiB. */
export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return none;
  let value = n;
  for (const name of ['B', 'KiB', 'MiB', 'GiB']) {
    if (Math.abs(value) < 1023.5) return `${three(value)} ${name}`;
    value /= 1024;
  }
  return `${three(value)} TiB`;
}

/** A short time in seconds, in the unit that suits it: 38 µs, 1.24 ms, 2.5 s. */
export function seconds(s: number | null | undefined): string {
  if (s === null || s === undefined || !Number.isFinite(s)) return none;
  const size = Math.abs(s);
  if (size === 0) return '0 s';
  if (size < 0.9995e-3) return `${three(s * 1e6)} µs`;
  if (size < 0.9995) return `${three(s * 1e3)} ms`;
  return `${three(s)} s`;
}

/** A long time in seconds, in its two largest units: 8s, 3m 20s, 5h 2m, 12d 4h. */
export function span(s: number | null | undefined): string {
  if (s === null || s === undefined || !Number.isFinite(s)) return none;
  const whole = Math.max(0, Math.floor(s));
  const [d, h, m] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (d > 0) return `${d}d ${h}h`;
  if (h > 0) return `${h}h ${m}m`;
  if (m > 0) return `${m}m ${whole % 60}s`;
  return `${whole}s`;
}

/** How long ago a time of the server was, by the clock of this page: "now", 12s ago, 3m 20s ago. */
export function ago(at: string | number | null | undefined, now: number): string {
  if (at === null || at === undefined || at === '') return none;
  const then = typeof at === 'number' ? at : Date.parse(at);
  if (!Number.isFinite(then)) return none;
  const s = (now - then) / 1000;
  return s < 1 ? 'now' : `${span(s)} ago`;
}

const two = (n: number) => String(n).padStart(2, '0');

/** The time of day to the millisecond, of this browser's zone: 14:03:07.250. */
export function clock(at: number): string {
  const d = new Date(at);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, '0')}`;
}

/** Day and time, for what may be older than today: 2026-01-31 14:03:07. */
export function stamp(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === '') return none;
  const d = new Date(at);
  if (Number.isNaN(d.getTime())) return none;
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** A part of a whole in percent; what is more than nothing is never written as 0 %. */
export function percent(part: number): string {
  if (!Number.isFinite(part)) return none;
  const p = part * 100;
  if (p > 0 && p < 0.1) return '<0.1 %';
  return `${p < 10 ? Number(p.toFixed(1)) : Math.round(p)} %`;
}

/** "1 channel", "2 channels". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** JSON with indentation when text is JSON, text as it is when not. */
export function pretty(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}
