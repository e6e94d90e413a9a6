import { BaseImageError, ConnectionError } from "../errors.ts";
import type { Trouble } from "../messages.ts";
import { Condition } from "./condition.ts";
import { Failure } from "./failure.ts";

/** How patient we are, in milliseconds. */
export interface RetryTimes {
  /** A server that sends next to nothing for this long is taken for lost. */
  readonly silence: number;
  /** The first wait before another attempt; each later one is twice as long. */
  readonly firstWait: number;
  readonly longestWait: number;
  /** How long to try on while nothing comes. Time offline, asleep or paused does not count. */
  readonly giveUp: number;
}

/** For people on real networks: a router that restarts is back in time. */
export const PACE: RetryTimes = { silence: 25_000, firstWait: 500, longestWait: 30_000, giveUp: 600_000 };

/** How long to try for the manifest and the piece, in milliseconds: somebody is waiting for an answer. */
export const PREPARING = 30_000;

/** What is refused this often by a server is not to be had there. */
export const REFUSALS = 3;

/** After a change of network, connections that have been silent for so many milliseconds are given up. */
const STALE = 3_000;

/**
 * What all requests of a build share: whether the person has paused it, how long nothing has come, and what
 * they are told of that.
 */
export class RetryPolicy {
  readonly times: RetryTimes;
  readonly #tell: (trouble: Trouble | undefined) => void;
  readonly #online: () => boolean;
  #attempts = new AbortController(); // ends all attempts under way, for new ones
  #paused = false;
  readonly #changed = new Condition();
  #lastCame = performance.now();
  #troubleSince: number | undefined;
  #told = false;
  #fetched = 0;

  constructor(
    times: RetryTimes = PACE,
    tell: (trouble: Trouble | undefined) => void = () => {},
    online: () => boolean = () => (globalThis.navigator as Navigator | undefined)?.onLine !== false,
  ) {
    this.times = times;
    this.#tell = tell;
    this.#online = online;
  }

  /** Bytes that have come. */
  get fetched(): number {
    return this.#fetched;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Ends the attempts of now: with a pause, or because the network is another one. */
  get attemptSignal(): AbortSignal {
    return this.#attempts.signal;
  }

  /** Let nothing more be fetched; connections are closed at once. */
  pause(): void {
    this.#paused = true;
    this.#restartAttempts();
    this.#getsOn();
  }

  resume(): void {
    this.#paused = false;
    this.retryNow();
  }

  /** The network is back, or another one, or this computer has slept: try at once, on new connections. */
  retryNow(): void {
    this.#troubleSince = undefined;
    this.#changed.notifyAll();
    if (performance.now() - this.#lastCame > STALE) this.#restartAttempts();
  }

  /** Resolves when something may be fetched; rejects when `stop` is aborted. */
  async whenResumed(stop: AbortSignal): Promise<void> {
    while (this.#paused) await this.#changed.wait(stop);
    stop.throwIfAborted();
  }

  /** `length` bytes have come. */
  onBytes(length: number): void {
    this.#fetched += length;
    this.#lastCame = performance.now();
  }

  /** Enough has come to call it getting on. */
  onProgress(): void {
    this.#troubleSince = undefined;
    this.#getsOn();
  }

  /** The result of `attempt`, made again after each `Failure` until it is given up as `again` does. */
  async persist<T>(stop: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    let refusals = 0;
    for (let tries = 1; ; tries++) {
      await this.whenResumed(stop);
      try {
        const result = await attempt();
        this.onProgress();
        return result;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (error.kind === "refused" && ++refusals >= REFUSALS) throw exhausted(error);
        await this.backoff(error, tries, stop);
      }
    }
  }

  /**
   * Wait until it is time for another attempt after `failure`, the `tries`-th since anything came. Rejects with
   * what the person is told when time is up.
   */
  async backoff(failure: Failure, tries: number, stop: AbortSignal): Promise<void> {
    stop.throwIfAborted();
    const { firstWait, longestWait, giveUp } = this.times;
    const now = performance.now();
    const offline = !this.#online();
    if (offline) this.#troubleSince = undefined;
    else this.#troubleSince ??= now;
    const wait = Math.max(
      failure.retryAfter,
      Math.min(longestWait, firstWait * 2 ** Math.min(tries - 1, 20)) * (0.5 + Math.random() / 2),
    );
    const soFar = now - (this.#troubleSince ?? now);
    if (soFar > giveUp) {
      const long = `nothing came for ${duration(soFar)}`;
      throw new ConnectionError(`${failure.message}, and ${long}`, { cause: failure });
    }
    if (failure.retryAfter > giveUp - soFar) {
      const long = `asks to be left alone for ${duration(failure.retryAfter)}`;
      throw new BaseImageError(`${failure.message} and ${long}`, { cause: failure });
    }
    this.#told = true;
    this.#tell({ kind: offline ? "offline" : failure.kind, tries, again: Date.now() + wait });
    await this.#changed.wait(stop, wait);
  }

  #restartAttempts(): void {
    this.#attempts.abort(new DOMException("another attempt is due", "AbortError"));
    this.#attempts = new AbortController();
  }

  #getsOn(): void {
    if (!this.#told) return;
    this.#told = false;
    this.#tell(undefined);
  }
}

/** What a failure is when there is no point in another attempt. */
export function exhausted(failure: Failure): BaseImageError {
  return new BaseImageError(failure.message, { cause: failure });
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}
