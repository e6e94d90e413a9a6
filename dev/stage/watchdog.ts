const SECOND = 1000;

/**
 * Calls `bark` once when it has not been fed for `patience` seconds. Ticks are counted, not the clock: a
 * computer that slept, or a hidden page whose timers are slow, is no silence. `tick` is called every second.
 */
export class Watchdog {
  #hungry = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(patience: number, tick: () => void, bark: () => void) {
    this.#timer = setInterval(() => {
      this.#hungry += 1;
      if (this.#hungry <= patience) return tick();
      this.stop();
      bark();
    }, SECOND);
  }

  /** Seconds since it was fed. */
  get hungry(): number {
    return this.#hungry;
  }

  feed(): void {
    this.#hungry = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
