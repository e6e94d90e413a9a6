import { RunClock } from "../time/run-clock.ts";

/** A computer whose time goes only when it is told to: `run` for a while, or `sleep`, in which no timer fires. */
export class Computer {
  #now = Date.parse("2026-01-01T00:00:00Z");
  readonly #timers = new Map<() => void, number>();
  readonly clock = new RunClock({
    now: () => this.#now,
    schedule: (run, ms) => {
      const timer = () => run(); // its own, also where `run` is scheduled twice
      this.#timers.set(timer, this.#now + ms);
      return () => this.#timers.delete(timer);
    },
  });

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Time goes by, and nothing runs. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  /** Time goes by, and timers run when they are due, or overdue. */
  run(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].sort(([, one], [, other]) => one - other);
      if (!next || next[1] > end) break;
      this.#now = Math.max(this.#now, next[1]);
      this.#timers.delete(next[0]);
      next[0]();
    }
    this.#now = Math.max(this.#now, end);
  }
}
