/** At most one report in this many milliseconds while bytes flow. */
const PACE = 100;

/** How far back a speed looks, in milliseconds: long enough to be calm, short enough to be true. */
const WINDOW = 5_000;

/** The speed of something that counts up, over the last five seconds. */
class Speed {
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

/** Turns every count of bytes into a few reports a second, the last of them always. */
export function paced(report: (written: number, bytesPerSecond: number) => void): (written: number) => void {
  const speed = new Speed();
  let written = 0;
  let next = 0; // when the next report may be
  let waiting = false;
  return (count) => {
    written = count;
    speed.add(performance.now(), count);
    if (waiting) return;
    waiting = true;
    const later = () => {
      waiting = false;
      next = performance.now() + PACE;
      report(written, speed.bytesPerSecond);
    };
    setTimeout(later, Math.max(0, next - performance.now()));
  };
}
