import { BaseImageError } from "../errors.ts";
import type { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { digestOf, lengthOfWindow, type Windows } from "../release/windows.ts";
import { Copying, type Basis } from "./basis.ts";
import { Condition } from "./condition.ts";
import { Failure, NoRanges } from "./failure.ts";
import { StandstillError } from "./http.ts";
import { WindowQueue, WINDOWS_PER_SPAN, type Span } from "./queue.ts";
import type { RetryPolicy } from "./retry.ts";
import type { Seed } from "./seed.ts";
import { SourcePool, type SourceIndex } from "./source-pool.ts";
import type { Source } from "./source.ts";

/** Connections at a time. Some servers and networks give each connection its share and no more. */
const CONNECTIONS = 3;

/** This part of a window that has not come before counts as progress. */
const PROGRESS_FRACTION = 1 / 64;

/** What a person is told when what servers send has other digests. */
const NOT_THIS_IMAGE = "The base image is not the one its manifest describes";

/** Where the windows of an image come from. */
export interface WindowSources {
  readonly windows: Windows;
  /** Looked at before anything is fetched, in this order. */
  readonly seeds: readonly Seed[];
  /** The image's addresses, the best first. */
  readonly servers: readonly Source[];
  readonly retry: RetryPolicy;
  /** What need not be fetched of the windows that no seed has. */
  readonly basis?: Basis | undefined;
  /** Connections at a time, if not 3. */
  readonly connections?: number;
  /** Called with each window that came from no seed, once it is verified and before it is passed on. */
  readonly onFetched?: (index: number, bytes: Bytes) => void;
}

/**
 * Windows `first` up to but not including `end`, in order, each with the digest it must have, in buffers from
 * `buffers`. Windows of zeros are made here, others come from a seed, the rest over a few connections and, as far as that
 * has them, out of the basis.
 *
 * A connection asks for a span of windows at a time. At most one span for each connection is held ahead of the reader,
 * which bounds memory. An answer that breaks off is resumed at its byte; a window with a wrong digest is fetched again,
 * whole, from another source. What the basis has is not asked for; a window that is wrong with bytes of it is fetched
 * whole, and no source is blamed. Where no source honours ranges, one stream brings everything.
 *
 * Throws `BaseImageError`, `ConnectionError`, what a seed throws, and the reason that `stop` is aborted with.
 */
export async function* orderedWindows(
  sources: WindowSources,
  first: number,
  end: number,
  buffers: BufferPool,
  stop: AbortSignal,
): AsyncGenerator<Bytes> {
  const { windows } = sources;
  const downloader = new Downloader(sources, first, end, buffers, stop);
  try {
    for (let index = first; index < end; index++) {
      if (windows.digests[index] === "zeros") {
        yield buffers.acquire(lengthOfWindow(windows, index)).fill(0);
        continue;
      }
      downloader.moveReader(index);
      let bytes = await fromSeeds(sources, index, buffers);
      if (!bytes) {
        bytes = await downloader.take(index);
        sources.onFetched?.(index, bytes);
      }
      yield bytes;
    }
  } finally {
    downloader.close();
  }
}

/** Window `index` from the first seed that has it as it should be. */
async function fromSeeds(
  { windows, seeds }: WindowSources,
  index: number,
  buffers: BufferPool,
): Promise<Bytes | undefined> {
  for (const seed of seeds) {
    const bytes = seed.has(index) ? await seed.read(index, buffers) : undefined;
    if (!bytes) continue;
    if ((await digestOf(bytes)) === windows.digests[index]) return bytes;
    buffers.release(bytes.buffer);
  }
  return undefined;
}

/** The connections that fetch in spans, or the one that fetches everything in one stream. */
interface Generation {
  /** Aborted when another generation takes over, and when the download is over. */
  readonly signal: AbortSignal;
  readonly supersede: () => void;
  /** Whether the connection for urgent windows is open. */
  fetchingUrgent: boolean;
}

/** How far a span has been read. */
interface Cursor {
  /** The window that is being filled, or will be next. */
  index: number;
  readonly end: number;
  /** What there is of window `index`. */
  partial: PartialWindow | undefined;
  /** Failed attempts since there was progress. */
  tries: number;
}

/** Fetches the windows of a range ahead of their reader, and verifies them. */
class Downloader {
  readonly #sources: WindowSources;
  readonly #buffers: BufferPool;
  readonly #queue: WindowQueue;
  readonly #pool: SourcePool;
  readonly #copying: Copying;
  readonly #closed = new AbortController();
  readonly #stop: AbortSignal;
  /** A window is here, the reader has moved on, or all is over. */
  readonly #changed = new Condition();
  /** Windows that are here and wait for the reader. */
  readonly #verified = new Map<number, Bytes>();
  #generation: Generation;
  #failed: { readonly error: unknown } | undefined;

  constructor(sources: WindowSources, first: number, end: number, buffers: BufferPool, stop: AbortSignal) {
    const { windows, seeds, servers, basis, connections = CONNECTIONS } = sources;
    const wanted: number[] = [];
    for (let index = first; index < end; index++) {
      if (windows.digests[index] !== "zeros" && !seeds.some((seed) => seed.has(index))) wanted.push(index);
    }
    this.#sources = sources;
    this.#buffers = buffers;
    this.#queue = new WindowQueue(wanted, connections * WINDOWS_PER_SPAN);
    this.#queue.moveReader(first);
    this.#pool = new SourcePool(servers.map(({ health }) => health));
    this.#copying = new Copying(basis?.copies ?? [], windows.window);
    this.#stop = AbortSignal.any([stop, this.#closed.signal]);
    this.#generation = this.#begin();
  }

  /** End all connections. */
  close(): void {
    this.#closed.abort(new DOMException("the reader is done", "AbortError"));
  }

  /** The reader is at window `index` now. */
  moveReader(index: number): void {
    this.#queue.moveReader(index);
    this.#changed.notifyAll();
  }

  /** Window `index`, verified, once it is here. Throws as `orderedWindows` does. */
  async take(index: number): Promise<Bytes> {
    if (!this.#queue.has(index)) this.#fetchOutOfTurn(index); // a seed was to have it
    for (;;) {
      if (this.#failed) throw this.#failed.error;
      const bytes = this.#verified.get(index);
      if (bytes) {
        this.#verified.delete(index);
        return bytes;
      }
      await this.#changed.wait(this.#stop);
    }
  }

  #begin(): Generation {
    const over = new AbortController();
    const generation: Generation = {
      signal: AbortSignal.any([this.#stop, over.signal]),
      supersede: () => over.abort(new DOMException("other connections take over", "AbortError")),
      fetchingUrgent: false,
    };
    this.#generation = generation;
    const oneStream = this.#needsOneStream();
    this.#queue.restart(oneStream);
    const connections = oneStream ? 1 : (this.#sources.connections ?? CONNECTIONS);
    for (let i = 0; i < connections; i++) this.#run(this.#fetchSpans(generation), generation);
    return generation;
  }

  #restart(): void {
    this.#generation.supersede();
    this.#begin();
  }

  /** Change between spans and one stream where that is due. Returns whether another generation has begun. */
  #restartIfModeChanged(): boolean {
    if (this.#queue.oneStream === this.#needsOneStream()) return false;
    this.#restart();
    return true;
  }

  #needsOneStream(): boolean {
    const { first } = this.#queue;
    return first !== undefined && this.#pool.needsOneStream(first);
  }

  /** Fetch a window that the reader waits for, or will soon. */
  #fetchOutOfTurn(index: number): void {
    this.#queue.addUrgent(index);
    if (this.#queue.oneStream || this.#needsOneStream())
      this.#restart(); // the stream has passed this window
    else if (!this.#generation.fetchingUrgent)
      this.#run(this.#fetchUrgent(this.#generation), this.#generation);
  }

  /** Run a task: an error in it fails the download, unless its generation was aborted. */
  #run(task: Promise<void>, { signal }: Generation): void {
    task.catch((error: unknown) => {
      if (signal.aborted && error === signal.reason) return;
      this.#failed ??= { error };
      this.#changed.notifyAll();
    });
  }

  /** One connection: span after span. */
  async #fetchSpans({ signal }: Generation): Promise<void> {
    while (!signal.aborted) {
      const span = this.#queue.takeSpan();
      if (!span) return;
      await this.#fetch(span, signal);
    }
  }

  /** One connection more for urgent windows: the others may be waiting for the reader, and the reader for these. */
  async #fetchUrgent(generation: Generation): Promise<void> {
    const { signal } = generation;
    generation.fetchingUrgent = true;
    while (!signal.aborted) {
      const index = this.#queue.takeUrgent();
      if (index === undefined) break;
      await this.#fetch({ first: index, end: index + 1 }, signal);
    }
    generation.fetchingUrgent = false;
  }

  /** The windows of a span, one after another, with as many attempts as it takes. */
  async #fetch({ first, end }: Span, stop: AbortSignal): Promise<void> {
    const { retry } = this.#sources;
    const cursor: Cursor = { index: first, end, partial: undefined, tries: 0 };
    try {
      while (cursor.index < end) {
        await retry.whenResumed(stop);
        if (!cursor.partial) await this.#waitForReader(cursor.index, stop);
        if (this.#restartIfModeChanged()) return;
        if (await this.#copy(cursor, stop)) continue;
        const source = this.#sourceFor(cursor);
        const attempt = AbortSignal.any([stop, retry.attemptSignal]);
        try {
          await this.#read(cursor, source, stop, attempt);
        } catch (error) {
          stop.throwIfAborted();
          if (attempt.aborted) continue; // paused, or the network is another one
          if (error instanceof StandstillError) continue; // this computer slept
          if (!(error instanceof Failure)) throw error;
          if (error instanceof NoRanges) continue; // known from now on, and no fault
          this.#pool.onFailure(source, cursor.index);
          if (this.#restartIfModeChanged()) return;
          await retry.backoff(error, ++cursor.tries, stop);
        }
      }
    } finally {
      if (cursor.partial) this.#buffers.release(cursor.partial.bytes.buffer); // whoever takes over begins it anew
    }
  }

  /** Go on with what the basis has at this place. Resolves to false when that is nothing. */
  async #copy(cursor: Cursor, stop: AbortSignal): Promise<boolean> {
    const copy = this.#queue.oneStream ? undefined : this.#copying.at(this.#positionOf(cursor));
    if (!copy) return false;
    const partial = (cursor.partial ??= await this.#newWindow(cursor.index, stop));
    const into = partial.bytes.subarray(partial.filled, partial.filled + copy.length);
    if (!(await this.#sources.basis!.read(copy.from, into))) {
      this.#copying.giveUp(cursor.index);
      return true; // to be fetched
    }
    stop.throwIfAborted();
    partial.onCopied(copy.length);
    this.#queue.newBytes(cursor.index, partial.filled); // they count as no progress of a source
    this.#endIfFull(cursor);
    return true;
  }

  /** The byte of the image that is next. */
  #positionOf({ index, partial }: Cursor): number {
    return index * this.#sources.windows.window + (partial?.filled ?? 0);
  }

  /** Which source to ask on. After a mismatch a window comes whole from one source, so that it is known whom to blame. */
  #sourceFor({ index, partial }: Cursor): SourceIndex {
    const source = this.#pool.choose(index, this.#queue.oneStream);
    if (source === undefined) throw new BaseImageError(NOT_THIS_IMAGE); // a seed was all there is
    if (partial && this.#pool.hasMismatch(index) && !partial.senders.has(source)) partial.clear();
    return source;
  }

  /**
   * Read on from `source` until the span is whole, or the basis has what follows. Throws `Failure`, and the reasons of
   * `stop` and `attempt`.
   */
  async #read(cursor: Cursor, source: SourceIndex, stop: AbortSignal, attempt: AbortSignal): Promise<void> {
    const { windows, servers, retry } = this.#sources;
    const start = this.#positionOf(cursor);
    const whole = Math.min(cursor.end * windows.window, windows.size);
    const end = this.#queue.oneStream ? whole : this.#copying.nextAfter(start, whole);
    let newBytes = 0; // since there was progress
    for await (const chunk of servers[source]!.read(start, end, retry.times.silenceMs, attempt)) {
      retry.onBytes(chunk.length);
      for (let at = 0; at < chunk.length;) {
        const partial = (cursor.partial ??= await this.#newWindow(cursor.index, stop));
        at += partial.fill(chunk.subarray(at), source);
        newBytes += this.#queue.newBytes(partial.index, partial.filled);
        this.#endIfFull(cursor);
      }
      if (newBytes < PROGRESS_FRACTION * windows.window) continue;
      newBytes = 0;
      this.#onProgress(cursor, source);
    }
    if (newBytes > 0) this.#onProgress(cursor, source); // between two copies there may be little to fetch
  }

  #onProgress(cursor: Cursor, source: SourceIndex): void {
    cursor.tries = 0;
    this.#pool.onProgress(source);
    this.#sources.retry.onProgress();
  }

  #endIfFull(cursor: Cursor): void {
    const { partial } = cursor;
    if (!partial?.isFull) return;
    cursor.partial = undefined;
    cursor.index++;
    this.#onWindow(partial);
  }

  async #newWindow(index: number, stop: AbortSignal): Promise<PartialWindow> {
    await this.#waitForReader(index, stop);
    return new PartialWindow(index, this.#buffers.acquire(lengthOfWindow(this.#sources.windows, index)));
  }

  /** Resolves when window `index` is near enough to the reader to be held in memory. */
  async #waitForReader(index: number, stop: AbortSignal): Promise<void> {
    while (!this.#queue.isWithinReach(index)) await this.#changed.wait(stop);
  }

  #onWindow(window: PartialWindow): void {
    if (this.#queue.arrive(window.index)) this.#run(this.#verify(window), this.#generation);
    else this.#buffers.release(window.bytes.buffer); // one stream brings all, wanted or not
  }

  async #verify({ index, bytes, senders, hasCopies }: PartialWindow): Promise<void> {
    const { windows, retry } = this.#sources;
    const expected = windows.digests[index];
    const found = await digestOf(bytes);
    if (found === expected) {
      this.#verified.set(index, bytes);
      retry.onProgress();
      this.#changed.notifyAll();
      return;
    }
    this.#buffers.release(bytes.buffer);
    if (hasCopies) {
      this.#copying.onWrong(index);
      this.#fetchOutOfTurn(index);
      return;
    }
    this.#copying.giveUp(index); // it comes whole from one source, so that it is known whom to blame
    this.#pool.onMismatch(index, senders);
    const cause = new Error(`window ${index} has digest ${found} instead of ${expected}`);
    if (this.#pool.isExhausted(index)) throw new BaseImageError(NOT_THIS_IMAGE, { cause });
    const failure = new Failure("wrong", NOT_THIS_IMAGE, { cause });
    await retry.backoff(failure, 1 + this.#pool.mismatches(index), this.#stop);
    this.#fetchOutOfTurn(index);
  }
}

/** A window that is filled from its front, perhaps by several sources, and with copies. */
class PartialWindow {
  readonly index: number;
  readonly bytes: Bytes;
  readonly senders = new Set<SourceIndex>();
  hasCopies = false;
  filled = 0;

  constructor(index: number, bytes: Bytes) {
    this.index = index;
    this.bytes = bytes;
  }

  get isFull(): boolean {
    return this.filled === this.bytes.length;
  }

  /** Take as much of `chunk` as there is room for. Returns how many bytes that is. */
  fill(chunk: Bytes, sender: SourceIndex): number {
    const part = chunk.subarray(0, this.bytes.length - this.filled);
    this.bytes.set(part, this.filled);
    this.filled += part.length;
    this.senders.add(sender);
    return part.length;
  }

  /** So many bytes more are here, out of the basis. */
  onCopied(length: number): void {
    this.filled += length;
    this.hasCopies = true;
  }

  /** Begin again. */
  clear(): void {
    this.filled = 0;
    this.hasCopies = false;
    this.senders.clear();
  }
}
