import { BaseImageError } from "../errors.ts";
import type { Memory } from "../memory.ts";
import type { Bytes } from "../segment.ts";
import { sha256 } from "../sha256.ts";
import { lengthOfWindow, type Windows } from "../windows.ts";
import { Bell } from "./bell.ts";
import { Failure } from "./failure.ts";
import type { Line } from "./line.ts";
import type { Source } from "./source.ts";

/** Connections at a time. Some servers and networks give each connection its share and no more. */
export const LANES = 3;

/** One request asks for at most this many windows: 16 MiB. */
export const SPAN = 4;

/** A window that is wrong this often from each address is not to be had. */
const MISTAKES = 2;

/** This part of a window is enough to call it getting on. */
const ENOUGH = 1 / 64;

/** Where windows may be found without fetching them; what is read is verified like all else. */
export interface Shelf {
  has(index: number): boolean;
  /** The window in a buffer from `memory`, or nothing after all. */
  read(index: number, memory: Memory): Promise<Bytes | undefined>;
}

/** An image that can be had window by window. */
export interface Supply {
  readonly windows: Windows;
  /** Its addresses, the best first. */
  readonly sources: readonly Source[];
  readonly line: Line;
  readonly shelves: readonly Shelf[];
  readonly lanes?: number;
  /** Hears of each verified window that was fetched, before it is passed on. */
  readonly fetched?: (index: number, bytes: Bytes) => void;
}

/**
 * Windows `first` up to but not including `end`, in order, each with the SHA-256 it must have, in buffers from
 * `memory`: those of zeros made here, others from a shelf, the rest over the network in a few lanes. A lane
 * asks for a span of windows at a time, and runs at most `lanes` spans ahead of the reader, which bounds what
 * is held. An answer that breaks off is resumed where it did; a window that is wrong is fetched again, whole,
 * from the next address. Throws `BaseImageError`, `ConnectionError`, and what `stop` is aborted with.
 */
export async function* orderedWindows(
  supply: Supply,
  first: number,
  end: number,
  memory: Memory,
  stop: AbortSignal,
): AsyncGenerator<Bytes> {
  const { windows, shelves } = supply;
  const work = new Work(supply, first, end, memory, stop);
  try {
    for (let index = first; index < end; index++) {
      if (windows.digests[index] === "zeros") {
        yield memory.take(lengthOfWindow(windows, index)).fill(0);
        continue;
      }
      work.moveTo(index);
      let bytes: Bytes | undefined;
      for (const shelf of shelves) bytes ??= await fromShelf(supply, shelf, index, memory);
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

async function fromShelf(
  { windows }: Supply,
  shelf: Shelf,
  index: number,
  memory: Memory,
): Promise<Bytes | undefined> {
  if (!shelf.has(index)) return undefined;
  const bytes = await shelf.read(index, memory);
  if (!bytes || (await sha256(bytes)) === windows.digests[index]) return bytes;
  memory.give(bytes.buffer);
  return undefined;
}

/** The fetching of the windows of one range: which are still to come, and which are here and wait. */
class Work {
  readonly #supply: Supply;
  readonly #memory: Memory;
  readonly #stop: AbortSignal;
  readonly #over = new AbortController();
  readonly #bell = new Bell();
  readonly #ahead: number;
  /** Windows that have not come yet. */
  readonly #wanted = new Set<number>();
  /** Those of them that a lane has been sent for. */
  readonly #taken = new Set<number>();
  /** Windows that a shelf says it has. */
  readonly #shelved = new Set<number>();
  /** Verified, and not yet passed on. */
  readonly #here = new Map<number, Bytes>();
  readonly #mistakes = new Map<number, number>();
  #best = 0; // which address is asked; the next one when it fails
  #next: number;
  #failed: { readonly error: unknown } | undefined;
  /** Ends the lanes, or the one stream, so that others can begin. */
  #shift = new AbortController();
  #inOneStream = false;

  constructor(supply: Supply, first: number, end: number, memory: Memory, stop: AbortSignal) {
    const { windows, shelves, lanes = LANES } = supply;
    this.#supply = supply;
    this.#memory = memory;
    this.#stop = AbortSignal.any([stop, this.#over.signal]);
    this.#ahead = lanes * SPAN;
    this.#next = first;
    for (let index = first; index < end; index++) {
      if (windows.digests[index] === "zeros") continue;
      const shelved = shelves.some((shelf) => shelf.has(index));
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
    this.#bell.ring();
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
      await this.#bell.wait(this.#stop);
    }
  }

  /** Whoever knows no ranges sends all of the image or nothing: then one stream has to do. */
  #begin(): void {
    const { sources, lanes = LANES } = this.#supply;
    this.#shift = new AbortController();
    this.#taken.clear();
    this.#inOneStream = sources.every((source) => source.ranges === false);
    for (let lane = 0; lane < (this.#inOneStream ? 1 : lanes); lane++) this.#run(() => this.#lane());
  }

  /** Send for a window out of turn: the reader waits for it, or will soon. */
  #want(index: number): void {
    this.#wanted.add(index);
    this.#taken.delete(index);
    if (this.#inOneStream) this.#beginAgain();
    else this.#run(() => this.#lane()); // one more, since the others may be waiting for the reader
  }

  #beginAgain(): void {
    this.#shift.abort(new DOMException("others take over", "AbortError"));
    this.#begin();
  }

  #run(work: () => Promise<void>): void {
    const shift = this.#shift.signal;
    work().catch((error: unknown) => {
      if (shift.aborted && error === shift.reason) return; // others have taken over
      this.#failed ??= { error };
      this.#bell.ring();
    });
  }

  async #lane(): Promise<void> {
    const stop = AbortSignal.any([this.#stop, this.#shift.signal]);
    for (let span = this.#nextSpan(); span; span = this.#nextSpan()) await this.#fetch(span, stop);
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
    const { windows, line, sources } = this.#supply;
    const until = Math.min(end * windows.window, windows.size);
    let index = first;
    let window: Bytes | undefined; // being filled
    let filled = 0;
    let tries = 0; // since anything came
    let came = 0; // since then
    while (index < end) {
      await line.clear(stop);
      if (!window) await this.#room(index, stop);
      const source = this.#source(index);
      const attempt = AbortSignal.any([stop, line.round]);
      try {
        for await (const chunk of source.read(
          index * windows.window + filled,
          until,
          line.pace.silence,
          attempt,
        )) {
          line.came(chunk.length);
          came += chunk.length;
          for (let at = 0; at < chunk.length;) {
            if (!window) {
              await this.#room(index, stop);
              window = this.#memory.take(lengthOfWindow(windows, index));
              filled = 0;
            }
            const part = chunk.subarray(at, at + window.length - filled);
            window.set(part, filled);
            filled += part.length;
            at += part.length;
            if (filled < window.length) continue;
            this.#arrived(index++, window);
            window = undefined;
            filled = 0;
          }
          if (came < ENOUGH * windows.window) continue;
          came = tries = 0;
          line.gotOn();
        }
      } catch (error) {
        stop.throwIfAborted();
        if (attempt.aborted) continue; // paused, or the network is another one
        if (!(error instanceof Failure)) throw error;
        if (!this.#inOneStream && sources.every(({ ranges }) => ranges === false)) {
          this.#beginAgain();
          return;
        }
        if (source === this.#source(index)) this.#best++;
        await line.again(error, ++tries, sources.length, stop);
      }
    }
  }

  /** Whom to ask for window `index`: somebody else than who sent it wrong. */
  #source(index: number): Source {
    const { sources } = this.#supply;
    const ranged = sources.filter(({ ranges }) => ranges !== false);
    const all = ranged.length > 0 ? ranged : sources;
    if (all.length === 0) throw new BaseImageError("The base image is not the one its manifest describes");
    return all[(this.#best + (this.#mistakes.get(index) ?? 0)) % all.length] as Source;
  }

  /** Resolves when window `index` is near enough to what is read. */
  async #room(index: number, stop: AbortSignal): Promise<void> {
    while (index >= this.#next + this.#ahead) await this.#bell.wait(stop);
  }

  #arrived(index: number, bytes: Bytes): void {
    if (this.#wanted.delete(index)) this.#run(() => this.#verify(index, bytes));
    else this.#memory.give(bytes.buffer); // one stream brings all, wanted or not
  }

  async #verify(index: number, bytes: Bytes): Promise<void> {
    const { windows, line, sources } = this.#supply;
    const expected = windows.digests[index];
    const found = await sha256(bytes);
    if (found === expected) {
      this.#here.set(index, bytes);
      line.gotOn();
      this.#bell.ring();
      return;
    }
    this.#memory.give(bytes.buffer);
    const mistakes = (this.#mistakes.get(index) ?? 0) + 1;
    this.#mistakes.set(index, mistakes);
    const cause = new Error(`window ${index} has SHA-256 ${found} instead of ${expected}`);
    const what = "The base image is not the one its manifest describes";
    if (mistakes >= MISTAKES * sources.length) throw new BaseImageError(what, { cause });
    await line.again(new Failure("wrong", what, { cause }), mistakes, sources.length, this.#stop);
    this.#want(index);
  }
}

interface Span {
  readonly first: number;
  readonly end: number;
}
