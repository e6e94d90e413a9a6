interface Timer {
  readonly run: () => void;
  readonly ticks: number;
  readonly again: boolean;
  left: number;
}

/** A piece's `delay` and `blink`, which count ticks of `sim`. */
export class Timers {
  #timers: Timer[] = [];

  add(run: () => void, ticks: number, again: boolean): void {
    this.#timers.push({ run, ticks, again, left: ticks });
  }

  step(): void {
    const due = this.#timers.filter((timer) => --timer.left <= 0);
    for (const timer of due) timer.left = timer.ticks;
    this.#timers = this.#timers.filter((timer) => timer.again || !due.includes(timer));
    for (const timer of due) timer.run();
  }

  clear(): void {
    this.#timers = [];
  }
}
