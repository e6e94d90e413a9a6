/** Wakes everyone who waits when something has changed; each then checks whether it is what it waits for. */
export class Condition {
  readonly #waiting = new Set<() => void>();

  /** Wake everyone who waits now. */
  notifyAll(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next `notifyAll`, or after `timeoutMs`; rejects with the reason when `stop` is aborted. */
  async wait(stop: AbortSignal, timeoutMs?: number): Promise<void> {
    stop.throwIfAborted();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wake = () => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
      stop.addEventListener("abort", wake, { once: true });
      if (timeoutMs !== undefined) timer = setTimeout(wake, timeoutMs);
    });
    clearTimeout(timer);
    this.#waiting.delete(wake);
    stop.removeEventListener("abort", wake);
    stop.throwIfAborted();
  }
}
