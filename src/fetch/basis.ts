import type { Bytes } from "../bytes/segment.ts";
import type { Copy } from "../release/copies.ts";

/**
 * An older image that is here (rsync's word for it), and which parts of the one that is wanted are in it. Neither is to
 * be believed: what is put together from it is verified like all else.
 */
export interface Basis {
  /** In order; they do not overlap. */
  readonly copies: readonly Copy[];
  /** Fill `into` with the older image's bytes from `start` on. Resolves to false when they cannot be read; never rejects. */
  read(start: number, into: Bytes): boolean | Promise<boolean>;
}

/** After so many windows that copies have made wrong, nothing more is copied: the list or the older image is another. */
const MOST_WRONG = 3;

/** What is still copied while an image is fetched. */
export class Copying {
  readonly #copies: readonly Copy[];
  readonly #window: number;
  /** Windows of which nothing is copied any more. */
  readonly #given = new Set<number>();
  #wrong = 0;

  /** For an image in windows of `window` bytes. */
  constructor(copies: readonly Copy[], window: number) {
    this.#copies = copies;
    this.#window = window;
  }

  /** The copy of as much as there is from byte `start` on, but not past its window; `undefined` when it is to be fetched. */
  at(start: number): Copy | undefined {
    const copy = this.#copies[this.#firstBehind(start)];
    if (!copy || copy.start > start || !this.#isCopied(start)) return undefined;
    const end = Math.min(copy.start + copy.length, (Math.floor(start / this.#window) + 1) * this.#window);
    return { start, from: copy.from + start - copy.start, length: end - start };
  }

  /** Where after byte `start`, which is to be fetched, the next copy begins, but at most `end`. */
  nextAfter(start: number, end: number): number {
    for (let i = this.#firstBehind(start); i < this.#copies.length; i++) {
      const copy = this.#copies[i]!;
      for (let at = Math.max(copy.start, start); at < copy.start + copy.length;) {
        if (at >= end) return end;
        if (this.#isCopied(at)) return at;
        at = (Math.floor(at / this.#window) + 1) * this.#window;
      }
    }
    return end;
  }

  /** Copy nothing more of window `index`: its source cannot be read. */
  giveUp(index: number): void {
    this.#given.add(index);
  }

  /** Window `index`, of which some was copied, has the wrong digest. */
  onWrong(index: number): void {
    this.#given.add(index);
    if (++this.#wrong === MOST_WRONG)
      console.warn("os: what is in the older base image is not copied any more");
  }

  #isCopied(at: number): boolean {
    return this.#wrong < MOST_WRONG && !this.#given.has(Math.floor(at / this.#window));
  }

  /** The first copy that ends behind byte `at`. */
  #firstBehind(at: number): number {
    let [low, high] = [0, this.#copies.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { start, length } = this.#copies[middle]!;
      if (start + length > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
