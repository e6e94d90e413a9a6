/** Wakes all who wait when something has changed; they look for themselves whether it is what they wait for. */
export class Condition {
  readonly #waiting = new Set<() => void>();

  notifyAll(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves when it rings or after so many milliseconds; rejects with the reason when `stop` is aborted. */
  async wait(stop: AbortSignal, milliseconds?: number): Promise<void> {
    stop.throwIfAborted();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wake = () => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
      stop.addEventListener("abort", wake, { once: true });
      if (milliseconds !== undefined) timer = setTimeout(wake, milliseconds);
    });
    clearTimeout(timer);
    this.#waiting.delete(wake);
    stop.removeEventListener("abort", wake);
    stop.throwIfAborted();
  }
}
