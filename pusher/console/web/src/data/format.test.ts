import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, bytes, clock, count, percent, plural, pretty, rate, seconds, short, span, stamp } from './format';

/** Says what f writes for each value. */
function writes<T>(name: string, f: (value: T) => string, cases: readonly (readonly [T, string])[]): void {
  test(name, () => {
    for (const [value, want] of cases) assert.equal(f(value), want, `for ${String(value)}`);
  });
}

writes('count sets thousands apart', count, [[0, '0'], [999, '999'], [1000, '1,000'], [12_345_678, '12,345,678'], [null, '–'], [Number.NaN, '–']]);

writes('short keeps three digits and never writes 1000 of a unit', short, [
  [0, '0'], [0.5, '0.5'], [3.14159, '3.14'], [12.34, '12.3'], [456.7, '457'], [999, '999'], [999.4, '999'], [999.6, '1k'], [1000, '1k'], [1234, '1.23k'], [12_345, '12.3k'], [999_499, '999k'], [999_500, '1M'],
  [4_560_000, '4.56M'], [7.2e9, '7.2G'], [-1500, '-1.5k'], [null, '–'], [Number.POSITIVE_INFINITY, '–'],
]);

writes('rate is a second', rate, [[1200, '1.2k/s'], [0, '0/s'], [null, '–']]);

writes('bytes counts in powers of 1024', bytes, [
  [0, '0 B'], [512, '512 B'], [1023, '1023 B'], [1024, '1 KiB'], [1536, '1.5 KiB'], [10 * 1024, '10 KiB'], [64 * 2 ** 20, '64 MiB'], [1.5 * 2 ** 30, '1.5 GiB'], [3 * 2 ** 40, '3 TiB'], [null, '–'],
]);

writes('seconds takes the unit that suits', seconds, [
  [0, '0 s'], [0.000_038, '38 µs'], [0.000_999_6, '1 ms'], [0.001_24, '1.24 ms'], [0.25, '250 ms'], [0.9996, '1 s'], [2.5, '2.5 s'], [130, '130 s'], [null, '–'],
]);

writes('span writes the two largest units', span, [
  [0, '0s'], [59.9, '59s'], [60, '1m 0s'], [200, '3m 20s'], [3600, '1h 0m'], [18_120, '5h 2m'], [86_400 * 12 + 4 * 3600 + 59, '12d 4h'], [-3, '0s'], [undefined, '–'],
]);

writes('percent never hides what is there', percent, [[0, '0 %'], [0.0004, '<0.1 %'], [0.004, '0.4 %'], [0.094, '9.4 %'], [0.456, '46 %'], [1, '100 %'], [1.2, '120 %'], [Number.NaN, '–']]);

writes('plural', (n: number) => plural(n, 'channel'), [[0, '0 channels'], [1, '1 channel'], [2, '2 channels'], [1200, '1,200 channels']]);

writes('pretty indents objects and leaves all else', pretty, [['{"a":[1]}', '{\n  "a": [\n    1\n  ]\n}'], ['not JSON', 'not JSON'], ['12.50', '12.50'], ['"x"', '"x"'], ['null', 'null']]);

test('ago counts from a moment to now, and never backwards', () => {
  const now = Date.parse('2026-01-31T12:00:00Z');
  assert.equal(ago('2026-01-31T11:59:48Z', now), '12s ago');
  assert.equal(ago('2026-01-31T11:59:59.500Z', now), 'now');
  assert.equal(ago('2026-01-31T12:00:07Z', now), 'now'); // the server's clock is ahead
  assert.equal(ago(now - 200_000, now), '3m 20s ago');
  assert.equal(ago('nonsense', now), '–');
  assert.equal(ago(null, now), '–');
});

test('times of day have milliseconds, stamps have the day', () => {
  const at = Date.parse('2026-01-31T14:03:07.25Z');
  assert.equal(clock(at), '14:03:07.250');
  assert.equal(stamp(at), '2026-01-31 14:03:07');
  assert.equal(stamp('2026-01-31T14:03:07.25Z'), '2026-01-31 14:03:07');
  assert.equal(stamp(''), '–');
  assert.equal(stamp('soon'), '–');
});
