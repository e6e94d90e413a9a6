import { BaseImageError, CaptivePortalError, ConnectionError } from "../errors.ts";
import type { Trouble } from "../messages.ts";
import { runClock, type RunClock } from "../time/run-clock.ts";
import { Condition } from "./condition.ts";
import { Failure, MAX_REFUSALS, REFUSED_FOR_MS } from "./failure.ts";

/** How long to wait for servers, in milliseconds. */
export interface RetryTimes {
  /** A server that sends nothing, or next to nothing, for this long is taken for lost. */
  readonly silenceMs: number;
  /** The wait before the second attempt; each later wait is twice as long. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** For how long to go on without any progress. Time offline, asleep or paused does not count. */
  readonly giveUpAfterMs: number;
  /** The same while the network asks the person to sign in, which takes them a while; as `giveUpAfterMs` if absent. */
  readonly signInMs?: number;
}

/** For people on real networks: a router that restarts is back in time. */
export const DEFAULT_RETRY: RetryTimes = {
  silenceMs: 25_000,
  firstWaitMs: 500,
  longestWaitMs: 30_000,
  giveUpAfterMs: 600_000,
};

/** For how long to try to get the manifest and the piece: somebody is waiting for an answer. */
export const PREPARE_GIVE_UP_AFTER_MS = 30_000;

/** After a change of network, connections on which nothing has come for this long are closed. */
const STALE_AFTER_MS = 3_000;

/** What `nextAttempt` decides from, beside the failure itself. */
export interface Attempts {
  /** Failed attempts since there was progress, this one included: 1 or more. */
  readonly tries: number;
  /** For how long there has been no progress, not counting time offline, asleep or paused. */
  readonly troubleMs: number;
  /** For how much of that servers have said no, and nothing else. */
  readonly refusedMs: number;
  /** From 0 up to 1, at random: clients that failed together do not come back together. */
  readonly jitter: number;
}

/**
 * What to do after `failure`: wait for so many milliseconds and try again, or give up with an error that says why.
 * The wait doubles with each attempt up to the longest, of which jitter takes off up to half; `Retry-After` is
 * honoured where it asks for more, and is a reason to give up where it asks for more than there is left. A server that
 * goes on saying no, or sending what cannot be right, is believed.
 */
export function nextAttempt(
  failure: Failure,
  { tries, troubleMs, refusedMs, jitter }: Attempts,
  { firstWaitMs, longestWaitMs, giveUpAfterMs, signInMs = giveUpAfterMs }: Omit<RetryTimes, "silenceMs">,
): { readonly waitMs: number } | { readonly giveUp: ConnectionError | BaseImageError } {
  const { message, retryAfterMs } = failure;
  const options = { cause: failure };
  if (failure.isRefusal && tries >= MAX_REFUSALS && refusedMs > Math.min(REFUSED_FOR_MS, giveUpAfterMs)) {
    return { giveUp: new BaseImageError(message, options) };
  }
  const patienceMs = failure.kind === "portal" ? signInMs : giveUpAfterMs;
  if (troubleMs > patienceMs) {
    const why = `${message}, and nothing came for ${duration(troubleMs)}`;
    const isPortal = failure.kind === "portal";
    return {
      giveUp: isPortal ? new CaptivePortalError(message, options) : new ConnectionError(why, options),
    };
  }
  if (retryAfterMs > patienceMs - troubleMs) {
    const why = `${message} and asks to be left alone for ${duration(retryAfterMs)}`;
    return { giveUp: new BaseImageError(why, options) };
  }
  const doubled = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(tries - 1, 20));
  return { waitMs: Math.max(retryAfterMs, doubled * (0.5 + jitter / 2)) };
}

/** What a policy is told by its surroundings, and what it tells them. */
export interface RetryOptions {
  /** Called with what is wrong before each wait, and with nothing once there is progress again. */
  readonly onTrouble?: (trouble: Trouble | undefined) => void;
  readonly isOnline?: () => boolean;
  /** Measures for how long there has been no progress. */
  readonly clock?: Pick<RunClock, "now" | "onWake">;
}

/**
 * What all requests of a build share: whether the person has paused it, for how long there has been no progress,
 * and who is told of that.
 */
export class RetryPolicy {
  readonly times: RetryTimes;
  readonly #onTrouble: (trouble: Trouble | undefined) => void;
  readonly #isOnline: () => boolean;
  readonly #clock: Pick<RunClock, "now" | "onWake">;
  readonly #changed = new Condition();
  #attempts = new AbortController();
  #paused = false;
  #fetched = 0;
  #lastBytesAt = Date.now();
  #troubleSince: number | undefined;
  #refusedSince: number | undefined;
  #troubleTold = false;

  constructor(
    times: RetryTimes = DEFAULT_RETRY,
    { onTrouble = () => {}, isOnline = browserIsOnline, clock = runClock }: RetryOptions = {},
  ) {
    this.times = times;
    this.#onTrouble = onTrouble;
    this.#isOnline = isOnline;
    this.#clock = clock;
  }

  /** Bytes that have come over the network. */
  get fetched(): number {
    return this.#fetched;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Aborted when all attempts under way are to end: at a pause, and after a change of network. */
  get attemptSignal(): AbortSignal {
    return this.#attempts.signal;
  }

  /** Fetch nothing more; connections are closed at once. */
  pause(): void {
    this.#paused = true;
    this.#endAttempts();
    this.#troubleIsOver();
  }

  /** Fetch again after `pause`, and at once. */
  resume(): void {
    this.#paused = false;
    this.retryNow();
  }

  /** The network is back, or another one: try at once, on new connections. */
  retryNow(): void {
    this.#noTrouble();
    this.#changed.notifyAll();
    if (Date.now() - this.#lastBytesAt > STALE_AFTER_MS) this.#endAttempts();
  }

  /** Resolves when fetching is not paused; rejects with the reason when `stop` is aborted. */
  async whenResumed(stop: AbortSignal): Promise<void> {
    while (this.#paused) await this.#changed.wait(stop);
    stop.throwIfAborted();
  }

  /** Take note that `length` bytes have come. */
  onBytes(length: number): void {
    this.#fetched += length;
    this.#lastBytesAt = Date.now();
  }

  /** Take note of progress: the time until giving up starts anew. */
  onProgress(): void {
    this.#noTrouble();
    this.#troubleIsOver();
  }

  /**
   * The result of `attempt`, which is made again after each `Failure`. Throws what `backoff` throws, whatever else
   * `attempt` throws, and the reason that `stop` is aborted with.
   */
  async persist<T>(stop: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      await this.whenResumed(stop);
      try {
        const result = await attempt();
        this.onProgress();
        return result;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        await this.backoff(error, tries, stop);
      }
    }
  }

  /**
   * Wait until the next attempt is due after `failure`, the `tries`-th since there was progress, or until `retryNow`, or
   * until this computer wakes. Throws `ConnectionError` when nothing has come for too long (`CaptivePortalError` when that is since the
   * network asks to sign in), `BaseImageError` when servers go on refusing or ask to be left alone for too long, and the
   * reason that `stop` is aborted with.
   */
  async backoff(failure: Failure, tries: number, stop: AbortSignal): Promise<void> {
    stop.throwIfAborted();
    const now = this.#clock.now();
    const offline = !this.#isOnline();
    if (offline) this.#noTrouble();
    else this.#troubleSince ??= now;
    this.#refusedSince = failure.isRefusal ? (this.#refusedSince ?? now) : undefined;
    const troubleMs = now - (this.#troubleSince ?? now);
    const refusedMs = now - (this.#refusedSince ?? now);
    const next = nextAttempt(failure, { tries, troubleMs, refusedMs, jitter: Math.random() }, this.times);
    if ("giveUp" in next) throw next.giveUp;
    this.#troubleTold = true;
    this.#onTrouble({ kind: offline ? "offline" : failure.kind, tries, again: Date.now() + next.waitMs });
    const endWatch = this.#clock.onWake(() => this.#changed.notifyAll());
    try {
      await this.#changed.wait(stop, next.waitMs);
    } finally {
      endWatch();
    }
  }

  #noTrouble(): void {
    this.#troubleSince = this.#refusedSince = undefined;
  }

  #endAttempts(): void {
    this.#attempts.abort(new DOMException("another attempt is due", "AbortError"));
    this.#attempts = new AbortController();
  }

  #troubleIsOver(): void {
    if (!this.#troubleTold) return;
    this.#troubleTold = false;
    this.#onTrouble(undefined);
  }
}

/** Node has no `navigator.onLine`: there the network is taken to be up. */
function browserIsOnline(): boolean {
  return (globalThis.navigator as Navigator | undefined)?.onLine !== false;
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}
