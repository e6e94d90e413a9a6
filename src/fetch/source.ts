import type { Bytes } from "../bytes/segment.ts";
import { Failure, refusal } from "./failure.ts";
import { get, StandstillError, unreachable } from "./http.ts";
import type { SourceHealth } from "./source-pool.ts";

/** What messages call any source. */
const SERVER = "The base image's server";

/** One address of an image. */
export class Source {
  readonly url: string;
  /** Of the image, in bytes. */
  readonly size: number;
  /** What its answers have shown so far. It outlives a download: the next one begins with it. */
  readonly health: SourceHealth = { ranges: undefined, failures: 0, refusals: 0 };

  constructor(url: string, size: number) {
    this.url = url;
    this.size = size;
  }

  /**
   * Bytes from `start` up to `end` (RFC 9110, section 14). Only a 206 for exactly this range is accepted; a 200
   * means that the server does not honour ranges. From then on the whole image is asked for, and what comes before
   * `start` is dropped. A chunk is good until the next is asked for. Throws `Failure`, and the reason that `stop`
   * is aborted with.
   */
  async *read(start: number, end: number, silenceMs: number, stop: AbortSignal): AsyncGenerator<Bytes> {
    const ranged = this.health.ranges !== false;
    const headers = ranged ? { Range: `bytes=${start}-${end - 1}` } : {};
    let left = end - start;
    try {
      const { response, chunks } = await get(this.url, { headers, silenceMs, stop });
      let drop = 0; // bytes that come before `start`
      try {
        if (ranged) this.#checkPart(response, start, end);
        else drop = this.#checkWhole(response, start);
      } catch (error) {
        await response.body?.cancel().catch(() => {}); // closed already
        throw error;
      }
      for await (const chunk of chunks()) {
        const bytes = chunk.subarray(drop, drop + left);
        drop = Math.max(0, drop - chunk.length);
        if (bytes.length === 0) continue;
        left -= bytes.length;
        yield bytes;
        if (left === 0) return; // whatever else it may send is not ours
      }
    } catch (error) {
      stop.throwIfAborted();
      if (error instanceof Failure || error instanceof StandstillError) throw error;
      throw new Failure("lost", `${SERVER} was lost: ${unreachable(error)}`, { cause: error });
    }
    throw new Failure("lost", `${SERVER} stopped after ${end - start - left} of ${end - start} bytes`);
  }

  #checkPart(response: Response, start: number, end: number): void {
    if (response.status === 200) {
      if (this.health.ranges === true) throw new Failure("lost", `${SERVER} sent all instead of a part`);
      this.health.ranges = false;
      throw new Failure("lost", `${SERVER} knows no ranges`);
    }
    if (response.status !== 206) throw refusal(response, SERVER);
    const expected = `bytes ${start}-${end - 1}/${this.size}`;
    const range = response.headers.get("Content-Range") ?? expected; // hidden where the server does not expose it
    const length = Number(response.headers.get("Content-Length") ?? end - start);
    if (range.replace(/\/\*$/, `/${this.size}`) !== expected || length !== end - start) {
      throw new Failure("wrong", `${SERVER} sent ${length} bytes as "${range}" instead of "${expected}"`);
    }
    this.health.ranges = true;
  }

  /** How many bytes of the body come before `start`. */
  #checkWhole(response: Response, start: number): number {
    if (response.status === 200) return start;
    throw refusal(response, SERVER);
  }
}
