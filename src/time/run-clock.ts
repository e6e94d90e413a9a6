/** How often a clock looks, in milliseconds: of a time in which the program stood still, this much counts. */
const TICK_MS = 1_000;

/**
 * When a clock has not looked for longer than this, the program stood still: the computer slept, the tab was frozen, the
 * process was stopped. A busy machine comes late by less. In milliseconds.
 */
export const STANDSTILL_MS = 10_000;

/** How much of the time between two looks at a clock counts as time in which the program ran, in milliseconds. */
export function timeRun(elapsedMs: number): number {
  if (elapsedMs > STANDSTILL_MS) return TICK_MS;
  return Math.max(0, elapsedMs); // the computer's clock can be set back
}

/** What a `RunClock` takes time from. */
export interface ClockSource {
  /** Milliseconds since 1970: unlike `performance.now`, this goes on while the computer sleeps, on every system. */
  now(): number;
  /** Call `run` in so many milliseconds. Returns what cancels that. */
  schedule(run: () => void, ms: number): () => void;
}

/**
 * A clock that stands while the program does, for everything that measures another's silence: who did not run has not
 * listened either. Deadlines are set by `after`. A server, service worker or reader is silent when `after` comes to
 * its end, so call it anew whenever they say something.
 *
 * The clock goes only while somebody waits on it, by `after` or `onWake`. It needs timers that run on time. A hidden
 * page's do not (once a minute, in Chromium), so what is called more often there should call `tick`: then a page that is
 * told something every few seconds counts right, and thirty messages at once, after the page was frozen, count nothing.
 */
export class RunClock {
  readonly #source: ClockSource;
  readonly #onWake = new Set<() => void>();
  #waits = 0;
  #ran = 0;
  #lastTick = 0;

  constructor(source: ClockSource = thisThread) {
    this.#source = source;
  }

  /** For how long the program has run while somebody waited, in milliseconds: for differences within one wait. */
  now(): number {
    this.tick();
    return this.#ran;
  }

  /** Look at the time. What `onWake` was given is called from here when the program stood still until now. */
  tick(): void {
    if (this.#waits === 0) return;
    const now = this.#source.now();
    const elapsed = now - this.#lastTick;
    this.#lastTick = now;
    this.#ran += timeRun(elapsed);
    if (elapsed > STANDSTILL_MS) for (const wake of this.#onWake) wake();
  }

  /** Call `run` once the program has run for `ms` more. Returns what cancels that. */
  after(ms: number, run: () => void): () => void {
    if (this.#waits++ === 0) this.#lastTick = this.#source.now();
    const due = this.now() + ms;
    let unschedule: () => void;
    let isOver = false;
    const cancel = () => {
      if (isOver) return;
      isOver = true;
      this.tick();
      this.#waits -= 1;
      unschedule();
    };
    const look = () => {
      const left = due - this.now();
      if (isOver) return; // cancelled by what `onWake` called
      if (left > 0) unschedule = this.#source.schedule(look, Math.min(left, TICK_MS));
      else {
        cancel();
        run();
      }
    };
    unschedule = this.#source.schedule(look, Math.min(ms, TICK_MS));
    return cancel;
  }

  /** Call `wake` whenever the program has stood still and runs again. Returns what ends that. */
  onWake(wake: () => void): () => void {
    let cancel = () => {};
    const lookOn = () => (cancel = this.after(TICK_MS, lookOn));
    lookOn();
    this.#onWake.add(wake);
    return () => {
      cancel();
      this.#onWake.delete(wake);
    };
  }
}

const thisThread: ClockSource = {
  now: () => Date.now(),
  schedule(run, ms) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** The clock of this thread. */
export const runClock = new RunClock();
