/** After this many digest mismatches a source is excluded for that window. */
export const MAX_DIGEST_MISMATCHES = 2;

/** After this many failures in a row a source is suspect: it is asked only where no other source will do. */
export const SUSPECT_AFTER = 3;

/** What is known of a source, whatever is downloaded from it. */
export interface SourceHealth {
  /** Whether it honours ranges; `undefined` until it has answered a request for one. */
  ranges: boolean | undefined;
  /** Failed attempts since it last brought progress. */
  failures: number;
}

/** A source by its place in the list, the best first. */
export type SourceIndex = number;

/**
 * Which source to ask for which window of an image, from what has come of the requests so far. Nothing is asked
 * here: answers are reported by `on…`, and decisions follow from what was reported.
 *
 * There are two ways to fetch an image. Usually sources are asked for ranges. When none that is any good honours
 * ranges, those without are asked for everything in one stream.
 */
export class SourcePool {
  readonly #sources: readonly SourceHealth[];
  /** For each window that did not have its digest, how often each source is to blame. */
  readonly #mismatches = new Map<number, number[]>();
  /** Where the search for a source begins: at the first one, and after a failure at the next. */
  #turn: SourceIndex = 0;

  /** A pool of these sources, the best first. Their health is kept up to date in place. */
  constructor(sources: readonly SourceHealth[]) {
    this.#sources = sources;
  }

  /**
   * The source to ask for window `window`, of those that honour ranges (or may do) or else of those that do not.
   * Sources that are not excluded go before excluded ones, then trusted before suspect ones, then those that have
   * sent this window wrong less often, then the next in turn. `undefined` when there is no such source.
   */
  choose(window: number, oneStream: boolean): SourceIndex | undefined {
    const count = this.#sources.length;
    const rank = (index: SourceIndex) => {
      const suspect = this.#isSuspect(index);
      return [
        Number(this.#isExcluded(index, window)),
        Number(suspect),
        suspect ? 0 : this.#mismatchesOf(index, window), // suspect sources each get their turn
        (index - this.#turn + count) % count,
      ];
    };
    const able = [...this.#sources.keys()].filter((index) => this.#lacksRanges(index) === oneStream);
    return able.sort((a, b) => compare(rank(a), rank(b)))[0];
  }

  /** Whether window `window` has to come in one stream: a source without ranges will do, and no other is any good. */
  needsOneStream(window: number): boolean {
    const usable = [...this.#sources.keys()].filter((index) => !this.#isExcluded(index, window));
    return (
      usable.some((index) => this.#lacksRanges(index)) &&
      usable.every((index) => this.#lacksRanges(index) || this.#isSuspect(index))
    );
  }

  /** Whether no source is left that may still bring window `window`. */
  isExhausted(window: number): boolean {
    return [...this.#sources.keys()].every((index) => this.#isExcluded(index, window));
  }

  /** Whether window `window` has come and did not have its digest. */
  hasMismatch(window: number): boolean {
    return this.#mismatches.has(window);
  }

  /** How often window `window` did not have its digest and it was known which source had sent it. */
  mismatches(window: number): number {
    return (this.#mismatches.get(window) ?? []).reduce((sum, count) => sum + count, 0);
  }

  /** Source `index` has brought something new. */
  onProgress(index: SourceIndex): void {
    this.#sources[index]!.failures = 0;
  }

  /** A request to source `index` for window `window` has failed. */
  onFailure(index: SourceIndex, window: number): void {
    this.#sources[index]!.failures++;
    this.#turn = index + 1;
    const streams = [...this.#sources.keys()].filter((each) => this.#lacksRanges(each));
    const usable = streams.filter((each) => !this.#isExcluded(each, window));
    if (streams.includes(index) && usable.every((each) => this.#isSuspect(each))) this.#forgetRanges();
  }

  /**
   * Window `window` did not have its digest. Its bytes came from `senders`: when there is more than one, nobody
   * is blamed.
   */
  onMismatch(window: number, senders: ReadonlySet<SourceIndex>): void {
    const counts = this.#mismatches.get(window) ?? this.#sources.map(() => 0);
    this.#mismatches.set(window, counts);
    const [sender] = senders;
    if (sender !== undefined && senders.size === 1) counts[sender]!++;
  }

  /**
   * One stream has failed too often, whoever it came from: those that did not honour ranges are asked for them again.
   * Not before each had its turn. Forgotten with the failures of one, it would be the first to be asked again, and
   * another that would bring the image never be.
   */
  #forgetRanges(): void {
    for (const source of this.#sources) {
      source.failures = 0;
      if (source.ranges === false) source.ranges = undefined;
    }
  }

  #isExcluded(index: SourceIndex, window: number): boolean {
    return this.#mismatchesOf(index, window) >= MAX_DIGEST_MISMATCHES;
  }

  #isSuspect(index: SourceIndex): boolean {
    return this.#sources[index]!.failures >= SUSPECT_AFTER;
  }

  #lacksRanges(index: SourceIndex): boolean {
    return this.#sources[index]!.ranges === false;
  }

  #mismatchesOf(index: SourceIndex, window: number): number {
    return this.#mismatches.get(window)?.[index] ?? 0;
  }
}

/** By the first numbers that differ. */
function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((number, i) => number !== other[i]);
  return (one[at] ?? 0) - (other[at] ?? 0);
}
