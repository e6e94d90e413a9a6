import { BaseImageError } from "../errors.ts";
import type { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { digestOf, lengthOfWindow, type Windows } from "../release/windows.ts";
import { Condition } from "./condition.ts";
import { Failure, MAX_REFUSALS } from "./failure.ts";
import { exhausted, type RetryPolicy } from "./retry.ts";
import type { Source } from "./source.ts";

/** Connections at a time. Some servers and networks give each connection its share and no more. */
export const LANES = 3;

/** One request asks for at most this many windows: 16 MiB. */
export const SPAN = 4;

/** A window that is wrong this often from an address is not to be had there. */
const MISTAKES = 2;

/** An address that fails this often in a row is not to be waited for while there are others. */
const DOUBT = 3;

/** This part of a window is enough to call it getting on. */
const ENOUGH = 1 / 64;

/** Where windows may be found without fetching them; what is read is verified like all else. */
export interface Seed {
  has(index: number): boolean;
  /** The window in a buffer from `pool`, or nothing after all. */
  read(index: number, pool: BufferPool): Promise<Bytes | undefined>;
}

/** An image that can be had window by window. */
export interface WindowSources {
  readonly windows: Windows;
  /** Its addresses, the best first. */
  readonly sources: readonly Source[];
  readonly retry: RetryPolicy;
  readonly seeds: readonly Seed[];
  readonly lanes?: number;
  /** Hears of each verified window that was fetched, before it is passed on. */
  readonly fetched?: (index: number, bytes: Bytes) => void;
}

/**
 * Windows `first` up to but not including `end`, in order, each with the digest it must have, in buffers from
 * `pool`: those of zeros made here, others from a seed, the rest over the network in a few lanes. A lane
 * asks for a span of windows at a time, and runs at most `lanes` spans ahead of the reader, which bounds what
 * is held. An answer that breaks off is resumed where it did; a window that is wrong is fetched again, whole,
 * from another address. Where there are no ranges, one stream has to bring it all. Throws `BaseImageError`, `ConnectionError`, and what `stop` is aborted with.
 */
export async function* orderedWindows(
  supply: WindowSources,
  first: number,
  end: number,
  pool: BufferPool,
  stop: AbortSignal,
): AsyncGenerator<Bytes> {
  const { windows, seeds } = supply;
  const work = new Work(supply, first, end, pool, stop);
  try {
    for (let index = first; index < end; index++) {
      if (windows.digests[index] === "zeros") {
        yield pool.acquire(lengthOfWindow(windows, index)).fill(0);
        continue;
      }
      work.moveTo(index);
      let bytes: Bytes | undefined;
      for (const seed of seeds) bytes ??= await fromSeed(supply, seed, index, pool);
      if (!bytes) {
        bytes = await work.take(index);
        supply.fetched?.(index, bytes);
      }
      yield bytes;
    }
  } finally {
    work.close();
  }
}

async function fromSeed(
  { windows }: WindowSources,
  seed: Seed,
  index: number,
  pool: BufferPool,
): Promise<Bytes | undefined> {
  if (!seed.has(index)) return undefined;
  const bytes = await seed.read(index, pool);
  if (!bytes || (await digestOf(bytes)) === windows.digests[index]) return bytes;
  pool.release(bytes.buffer);
  return undefined;
}

/** The fetching of the windows of one range: which are still to come, and which are here and wait. */
class Work {
  readonly #supply: WindowSources;
  readonly #pool: BufferPool;
  readonly #stop: AbortSignal;
  readonly #over = new AbortController();
  readonly #changed = new Condition();
  readonly #ahead: number;
  /** Windows that have not come yet. */
  readonly #wanted = new Set<number>();
  /** Of them, those that a lane has been sent for. */
  readonly #taken = new Set<number>();
  /** Of them, those that the reader waits for, or will soon. */
  readonly #urgent = new Set<number>();
  /** Windows that a seed says it has. */
  readonly #shelved = new Set<number>();
  /** Verified, and not yet passed on. */
  readonly #here = new Map<number, Bytes>();
  /** How much of each window has come so far, right or wrong, in bytes. */
  readonly #reached = new Map<number, number>();
  /** How often each address has sent a window wrong. */
  readonly #mistakes = new Map<number, Map<Source, number>>();
  #best = 0; // which address is asked; the next one when it fails
  #next: number;
  #hurrying = false;
  #failed: { readonly error: unknown } | undefined;
  /** Ends the lanes, or the one stream, so that others can begin. */
  #shift = new AbortController();
  #inOneStream = false;

  constructor(supply: WindowSources, first: number, end: number, pool: BufferPool, stop: AbortSignal) {
    const { windows, seeds, lanes = LANES } = supply;
    this.#supply = supply;
    this.#pool = pool;
    this.#stop = AbortSignal.any([stop, this.#over.signal]);
    this.#ahead = lanes * SPAN;
    this.#next = first;
    for (let index = first; index < end; index++) {
      if (windows.digests[index] === "zeros") continue;
      const shelved = seeds.some((seed) => seed.has(index));
      (shelved ? this.#shelved : this.#wanted).add(index);
    }
    this.#begin();
  }

  close(): void {
    this.#over.abort(new DOMException("the reader is done", "AbortError"));
  }

  /** The reader is at window `index` now. */
  moveTo(index: number): void {
    this.#next = index;
    this.#changed.notifyAll();
  }

  /** Window `index`, verified, once it is here. */
  async take(index: number): Promise<Bytes> {
    if (this.#shelved.delete(index)) this.#want(index); // and then it was not there
    for (;;) {
      if (this.#failed) throw this.#failed.error;
      const bytes = this.#here.get(index);
      if (bytes) {
        this.#here.delete(index);
        return bytes;
      }
      await this.#changed.wait(this.#stop);
    }
  }

  #begin(): void {
    const { lanes = LANES } = this.#supply;
    this.#shift = new AbortController();
    this.#taken.clear();
    this.#inOneStream = this.#hasNoRanges();
    for (let lane = 0; lane < (this.#inOneStream ? 1 : lanes); lane++) this.#run(() => this.#lane());
    if (!this.#inOneStream && this.#urgent.size > 0) this.#run(() => this.#hurry());
  }

  #beginAgain(): void {
    this.#shift.abort(new DOMException("others take over", "AbortError"));
    this.#hurrying = false;
    this.#begin();
  }

  /** Whether those are to be asked who send all of the image or nothing, since nobody else does any good. */
  #hasNoRanges(): boolean {
    const next = Math.min(...this.#wanted);
    const honest = this.#supply.sources.filter((source) => !this.#isOut(next, source));
    const hasRanges = ({ ranges, failures }: Source) => ranges !== false && failures < DOUBT;
    return honest.some(({ ranges }) => ranges === false) && !honest.some(hasRanges);
  }

  /** Send for a window out of turn: the reader waits for it, or will soon. */
  #want(index: number): void {
    this.#wanted.add(index);
    this.#taken.delete(index);
    this.#urgent.add(index);
    if (this.#inOneStream || this.#hasNoRanges())
      this.#beginAgain(); // the stream has passed there
    else if (!this.#hurrying) this.#run(() => this.#hurry());
  }

  #run(work: () => Promise<void>): void {
    const shift = this.#shift.signal;
    work().catch((error: unknown) => {
      if (shift.aborted && error === shift.reason) return; // others have taken over
      this.#failed ??= { error };
      this.#changed.notifyAll();
    });
  }

  async #lane(): Promise<void> {
    const stop = AbortSignal.any([this.#stop, this.#shift.signal]);
    while (!stop.aborted) {
      const span = this.#nextSpan();
      if (!span) return;
      await this.#fetch(span, stop);
    }
  }

  /** One lane more for what is urgent, since the others may be waiting for the reader, and he for us. */
  async #hurry(): Promise<void> {
    const stop = AbortSignal.any([this.#stop, this.#shift.signal]);
    this.#hurrying = true;
    while (!stop.aborted) {
      const index = Math.min(...this.#urgent);
      if (index === Infinity) break;
      this.#urgent.delete(index);
      if (!this.#wanted.has(index) || this.#taken.has(index)) continue;
      this.#taken.add(index);
      await this.#fetch({ first: index, end: index + 1 }, stop);
    }
    if (!stop.aborted) this.#hurrying = false;
  }

  /** The first windows that are wanted and that nobody has been sent for. */
  #nextSpan(): Span | undefined {
    const free = [...this.#wanted].filter((index) => !this.#taken.has(index)).sort((a, b) => a - b);
    const [first] = free;
    if (first === undefined) return undefined;
    let end = first + 1;
    if (this.#inOneStream) end = (free.at(-1) ?? first) + 1;
    else while (end - first < SPAN && free[end - first] === end) end++;
    for (let index = first; index < end; index++) this.#taken.add(index);
    return { first, end };
  }

  /** The windows of `span`, one after another, with as many attempts as it takes. */
  async #fetch({ first, end }: Span, stop: AbortSignal): Promise<void> {
    const { windows, retry } = this.#supply;
    const until = Math.min(end * windows.window, windows.size);
    let index = first;
    let window: Bytes | undefined; // being filled
    let filled = 0;
    let senders = new Set<Source>(); // of what it is filled with
    let tries = 0; // since anything came
    try {
      while (index < end) {
        await retry.whenResumed(stop);
        if (!window) await this.#room(index, stop);
        const source = this.#source(index);
        // Once it was wrong, it is to be known who is to blame.
        if (this.#mistakes.has(index) && senders.size > 0 && !senders.has(source)) {
          senders.clear();
          filled = 0;
        }
        const attempt = AbortSignal.any([stop, retry.attemptSignal]);
        let came = 0; // that had not come before, since it was last called getting on
        try {
          const start = index * windows.window + filled;
          for await (const chunk of source.read(start, until, retry.times.silenceMs, attempt)) {
            retry.onBytes(chunk.length);
            for (let at = 0; at < chunk.length;) {
              if (!window) {
                await this.#room(index, stop);
                window = this.#pool.acquire(lengthOfWindow(windows, index));
              }
              const part = chunk.subarray(at, at + window.length - filled);
              window.set(part, filled);
              senders.add(source);
              filled += part.length;
              at += part.length;
              came += this.#reach(index, filled);
              if (filled < window.length) continue;
              this.#arrived(index++, window, senders);
              window = undefined;
              senders = new Set();
              filled = 0;
            }
            if (came < ENOUGH * windows.window) continue;
            came = tries = source.failures = source.refusals = 0;
            retry.onProgress();
          }
        } catch (error) {
          stop.throwIfAborted();
          if (attempt.aborted) continue; // paused, or the network is another one
          if (!(error instanceof Failure)) throw error;
          this.#blame(source, error, index);
          if (this.#inOneStream !== this.#hasNoRanges()) return this.#beginAgain();
          await retry.backoff(error, ++tries, stop);
        }
      }
    } finally {
      if (window) this.#pool.release(window.buffer); // others begin it anew
    }
  }

  /** How many of the first `filled` bytes of window `index` are new: what comes again and again is no progress. */
  #reach(index: number, filled: number): number {
    const before = this.#reached.get(index) ?? 0;
    this.#reached.set(index, Math.max(before, filled));
    return Math.max(0, filled - before);
  }

  /** Takes note of a failure. Throws when no address is left to be asked for window `index`. */
  #blame(source: Source, failure: Failure, index: number): void {
    const { sources } = this.#supply;
    if (failure.kind === "refused") source.refusals++;
    if (sources.every((each) => this.#isOut(index, each))) throw exhausted(failure);
    this.#best = sources.indexOf(source) + 1;
    if (++source.failures < DOUBT || source.ranges !== false) return;
    // It was a stream, and it failed: perhaps that it knew no ranges has passed too.
    for (const each of sources) {
      each.failures = 0;
      if (each.ranges === false) each.ranges = undefined;
    }
  }

  /**
   * Whom to ask for window `index`: nobody who has sent it wrong too often; rather not who fails all the time, and
   * of these each in turn; of the others who has sent it wrong less often, and of equals the next one.
   */
  #source(index: number): Source {
    const { sources } = this.#supply;
    const able = sources.filter(({ ranges }) => (ranges === false) === this.#inOneStream);
    const order = (source: Source) => {
      const mistakes = this.#mistakesOf(index, source);
      const doubt = source.failures >= DOUBT;
      const turn = (sources.indexOf(source) - this.#best + sources.length) % sources.length;
      return [Number(this.#isOut(index, source)), Number(doubt), doubt ? 0 : mistakes, turn];
    };
    const [best] = able.sort((a, b) => compare(order(a), order(b)));
    if (!best) throw new BaseImageError(WRONG); // there were none: a seed was all there is
    return best;
  }

  /** Whether window `index` is not to be had from there. */
  #isOut(index: number, source: Source): boolean {
    return source.refusals >= MAX_REFUSALS || this.#mistakesOf(index, source) >= MISTAKES;
  }

  #mistakesOf(index: number, source: Source): number {
    return this.#mistakes.get(index)?.get(source) ?? 0;
  }

  /** Resolves when window `index` is near enough to what is read. */
  async #room(index: number, stop: AbortSignal): Promise<void> {
    while (index >= this.#next + this.#ahead) await this.#changed.wait(stop);
  }

  #arrived(index: number, bytes: Bytes, senders: ReadonlySet<Source>): void {
    if (this.#wanted.delete(index)) this.#run(() => this.#verify(index, bytes, senders));
    else this.#pool.release(bytes.buffer); // one stream brings all, wanted or not
  }

  async #verify(index: number, bytes: Bytes, senders: ReadonlySet<Source>): Promise<void> {
    const { windows, retry, sources } = this.#supply;
    const expected = windows.digests[index];
    const found = await digestOf(bytes);
    if (found === expected) {
      this.#here.set(index, bytes);
      retry.onProgress();
      this.#changed.notifyAll();
      return;
    }
    this.#pool.release(bytes.buffer);
    const mistakes = this.#mistakes.get(index) ?? new Map<Source, number>();
    this.#mistakes.set(index, mistakes);
    const [sender] = senders;
    if (sender && senders.size === 1) mistakes.set(sender, (mistakes.get(sender) ?? 0) + 1);
    const cause = new Error(`window ${index} has digest ${found} instead of ${expected}`);
    if (sources.every((source) => this.#isOut(index, source))) {
      throw new BaseImageError(WRONG, { cause });
    }
    const tries = [...mistakes.values()].reduce((sum, count) => sum + count, 1);
    await retry.backoff(new Failure("wrong", WRONG, { cause }), tries, this.#stop);
    this.#want(index);
  }
}

const WRONG = "The base image is not the one its manifest describes";

/** By the first numbers that differ. */
function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((number, i) => number !== other[i]);
  return (one[at] ?? 0) - (other[at] ?? 0);
}

interface Span {
  readonly first: number;
  readonly end: number;
}
