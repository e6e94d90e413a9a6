/** How far back a speed looks, in milliseconds: long enough to be calm, short enough to be true. */
const WINDOW = 5_000;

/** The speed of something that counts up, over the last five seconds. */
export class Speed {
  readonly #samples: { time: number; count: number }[] = [];

  /** At `time` (milliseconds), `count` bytes had passed in all. */
  add(time: number, count: number): void {
    this.#samples.push({ time, count });
    while (this.#samples.length > 2 && time - (this.#samples[1]?.time ?? time) >= WINDOW) {
      this.#samples.shift();
    }
  }

  /** Bytes per second; 0 until something is known. */
  get bytesPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.time === first.time) return 0;
    return ((last.count - first.count) / (last.time - first.time)) * 1000;
  }
}
