/** One request asks for at most this many windows: 16 MiB. */
export const WINDOWS_PER_SPAN = 4;

/** Windows `first` up to but not including `end`, to be fetched by one connection. */
export interface Span {
  readonly first: number;
  readonly end: number;
}

/**
 * Which windows are still to be fetched, and which is next. `pending` ones wait for a connection, `inFlight` ones have
 * one, `arrived` ones are here; a window that is not in the queue comes from elsewhere, or has not been asked for yet.
 */
export class WindowQueue {
  readonly #states = new Map<number, "pending" | "inFlight" | "arrived">();
  readonly #urgent = new Set<number>();
  /** How much of each window has come at most, whatever became of it, in bytes. */
  readonly #mostFilled = new Map<number, number>();
  readonly #readAhead: number;
  #readerAt = 0;
  #oneStream = false;

  /** A queue of `windows`, of which at most those within `readAhead` of the reader may be held in memory. */
  constructor(windows: Iterable<number>, readAhead: number) {
    for (const index of windows) this.#states.set(index, "pending");
    this.#readAhead = readAhead;
  }

  /** Whether everything is fetched in one stream, rather than in spans. */
  get oneStream(): boolean {
    return this.#oneStream;
  }

  /** The first window that has not arrived. */
  get first(): number | undefined {
    return this.#in("pending", "inFlight")[0];
  }

  /** Whether window `index` has ever been in this queue. */
  has(index: number): boolean {
    return this.#states.has(index);
  }

  /** The reader wants window `index` now, and has no more use for those before. */
  moveReader(index: number): void {
    this.#readerAt = index;
  }

  /** Whether window `index` is near enough to the reader to be held in memory. */
  isWithinReach(index: number): boolean {
    return index < this.#readerAt + this.#readAhead;
  }

  /**
   * The next windows to fetch together, which are in flight from now on: the first pending ones in a row, or in one
   * stream everything from the first pending one to the last. `undefined` when none is pending.
   */
  takeSpan(): Span | undefined {
    const pending = this.#in("pending");
    const [first] = pending;
    if (first === undefined) return undefined;
    let end = first + 1;
    if (this.#oneStream) end = pending.at(-1)! + 1;
    else while (end < first + WINDOWS_PER_SPAN && this.#states.get(end) === "pending") end++;
    for (const index of pending) if (index < end) this.#states.set(index, "inFlight");
    return { first, end };
  }

  /** The first urgent window that is pending, which is in flight from now on; none where one stream brings them all. */
  takeUrgent(): number | undefined {
    if (this.#oneStream) return undefined;
    const index = this.#in("pending").find((each) => this.#urgent.has(each));
    if (index !== undefined) this.#states.set(index, "inFlight");
    return index;
  }

  /** Window `index` is needed soon: again, since it came wrong, or after all, since a seed did not have it. */
  addUrgent(index: number): void {
    this.#states.set(index, "pending");
    this.#urgent.add(index);
  }

  /** Window `index` has come whole. Returns false when nobody wants it: it is here already, or was never queued. */
  arrive(index: number): boolean {
    const state = this.#states.get(index);
    if (state === undefined || state === "arrived") return false;
    this.#states.set(index, "arrived");
    return true;
  }

  /** Another generation of connections begins: what was in flight is pending again. */
  restart(oneStream: boolean): void {
    this.#oneStream = oneStream;
    for (const index of this.#in("inFlight")) this.#states.set(index, "pending");
  }

  /** How many of the first `filled` bytes of window `index` have not come before: the same again is no progress. */
  newBytes(index: number, filled: number): number {
    const before = this.#mostFilled.get(index) ?? 0;
    this.#mostFilled.set(index, Math.max(before, filled));
    return Math.max(0, filled - before);
  }

  /** The windows in these states, in order. */
  #in(...states: readonly string[]): number[] {
    const indices = [...this.#states].filter(([, state]) => states.includes(state)).map(([index]) => index);
    return indices.sort((a, b) => a - b);
  }
}
