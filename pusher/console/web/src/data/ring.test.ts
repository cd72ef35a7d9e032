import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ring } from './ring';

test('a ring that is not full gives back what was pushed', () => {
  const ring = new Ring<number>(3);
  assert.deepEqual([ring.length, ring.lost, ring.at(0), ring.at(-1)], [0, 0, undefined, undefined]);
  ring.push(1);
  ring.push(2);
  assert.deepEqual(ring.toArray(), [1, 2]);
  assert.deepEqual([ring.at(0), ring.at(1), ring.at(2), ring.at(-1), ring.at(-2), ring.at(-3)], [1, 2, undefined, 2, 1, undefined]);
});

test('a full ring pushes out the oldest and counts them', () => {
  const ring = new Ring<number>(3);
  for (let n = 1; n <= 8; n++) ring.push(n);
  assert.deepEqual(ring.toArray(), [6, 7, 8]);
  assert.deepEqual([ring.at(0), ring.at(-1), ring.length, ring.lost], [6, 8, 3, 5]);
});

test('a ring that was cleared is as new', () => {
  const ring = new Ring<number>(2);
  for (let n = 1; n <= 5; n++) ring.push(n);
  ring.clear();
  assert.deepEqual([ring.length, ring.lost, ring.toArray()], [0, 0, []]);
  ring.push(9);
  assert.deepEqual(ring.toArray(), [9]);
});

test('a ring keeps what a plain list would keep, whatever its size', () => {
  for (let capacity = 1; capacity <= 7; capacity++) {
    const ring = new Ring<number>(capacity);
    let model: number[] = [];
    for (let n = 0; n < 40; n++) {
      ring.push(n);
      model = [...model, n].slice(-capacity);
      assert.deepEqual(ring.toArray(), model);
      assert.equal(ring.lost, n + 1 - model.length);
    }
  }
});

test('a ring without room is refused', () => {
  assert.throws(() => new Ring(0), RangeError);
  assert.throws(() => new Ring(1.5), RangeError);
});
