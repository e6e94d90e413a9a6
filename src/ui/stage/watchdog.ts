const PATIENCE = 12; // seconds, as in AC
const SECOND = 1000;

/**
 * Calls `bark` once when what `ping` reaches has not called `pong` for 12 s. Ticks are counted, not the
 * clock: a computer that slept, or a hidden page whose timers are slow, is no silence.
 */
export class Watchdog {
  #ticks = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(ping: () => void, bark: () => void) {
    this.#timer = setInterval(() => {
      this.#ticks += 1;
      if (this.#ticks <= PATIENCE) return ping();
      this.stop();
      bark();
    }, SECOND);
  }

  pong(): void {
    this.#ticks = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
