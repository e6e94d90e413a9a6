const SECOND = 1000;

/**
 * Calls `onTimeout` once when it has not been reset for `timeoutSeconds`. Ticks are counted, not the clock: a
 * computer that slept, or a hidden page whose timers are slow, is no silence. `onTick` is called every second.
 */
export class Watchdog {
  #seconds = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(timeoutSeconds: number, onTick: () => void, onTimeout: () => void) {
    this.#timer = setInterval(() => {
      this.#seconds += 1;
      if (this.#seconds <= timeoutSeconds) return onTick();
      this.stop();
      onTimeout();
    }, SECOND);
  }

  /** Since it was last reset. */
  get seconds(): number {
    return this.#seconds;
  }

  reset(): void {
    this.#seconds = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
