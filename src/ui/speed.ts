/** How far back a speed looks, in milliseconds: long enough to be calm, short enough to be current. */
const SPEED_WINDOW_MS = 5_000;

/** The speed of a count that grows, over the last five seconds. */
export class Speed {
  readonly #samples: { time: number; count: number }[] = [];
  readonly #now: () => number;

  /** `now` is a clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The speed per second, now that the count has come to `count`; 0 until something is known. */
  update(count: number): number {
    const time = this.#now();
    this.#samples.push({ time, count });
    while (this.#samples.length > 2 && time - (this.#samples[1]?.time ?? time) >= SPEED_WINDOW_MS) {
      this.#samples.shift();
    }
    const [first] = this.#samples;
    if (!first || first.time === time) return 0;
    return ((count - first.count) / (time - first.time)) * 1000;
  }
}
