/** A bounded list: what is pushed over its capacity pushes out the oldest. */
export class Ring<T> {
  readonly capacity: number;
  #items: T[] = [];
  #head = 0; // of the oldest, once the ring is full
  #pushed = 0;

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) throw new RangeError(`a ring cannot hold ${capacity}`);
    this.capacity = capacity;
  }

  get length(): number { return this.#items.length; }

  /** How many have been pushed out since the ring was empty. */
  get lost(): number { return this.#pushed - this.#items.length; }

  push(item: T): void {
    this.#pushed++;
    if (this.#items.length < this.capacity) {
      this.#items.push(item);
      return;
    }
    this.#items[this.#head] = item;
    this.#head = (this.#head + 1) % this.capacity;
  }

  /** The item at a place counted from the oldest; from the newest when negative. */
  at(i: number): T | undefined {
    const n = this.#items.length;
    const place = i < 0 ? n + i : i;
    return place < 0 || place >= n ? undefined : this.#items[(this.#head + place) % n];
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#pushed = 0;
  }

  /** A copy, the oldest first. */
  toArray(): T[] {
    return [...this.#items.slice(this.#head), ...this.#items.slice(0, this.#head)];
  }
}
