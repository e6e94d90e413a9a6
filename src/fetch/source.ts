import type { Bytes } from "../bytes/segment.ts";
import { Failure, refusal } from "./failure.ts";
import { get, unreachable } from "./http.ts";

/** What the person is told this is. */
const SERVER = "The base image's server";

/** One address of an image. */
export class Source {
  readonly url: string;
  /** Of the image, in bytes. */
  readonly size: number;
  /** Whether it honours Range; not known before the first answer. */
  ranges: boolean | undefined;
  /** How often it has failed, and how often of that refused, since anything came from here. */
  failures = 0;
  refusals = 0;

  constructor(url: string, size: number) {
    this.url = url;
    this.size = size;
  }

  /**
   * Bytes from `start` up to `end`, or `Failure` (RFC 9110, section 14). A 206 for exactly this range is all that
   * is taken; a 200 says that there are no ranges here. After that the whole image is asked for, and what comes
   * before `start` is dropped. A chunk is good until the next is asked for. Also throws what
   * `stop` was aborted with.
   */
  async *read(start: number, end: number, silenceMs: number, stop: AbortSignal): AsyncGenerator<Bytes> {
    const ranged = this.ranges !== false;
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
      if (error instanceof Failure) throw error;
      throw new Failure("lost", `${SERVER} was lost: ${unreachable(error)}`, { cause: error });
    }
    throw new Failure("lost", `${SERVER} stopped after ${end - start - left} of ${end - start} bytes`);
  }

  #checkPart(response: Response, start: number, end: number): void {
    if (response.status === 200) {
      if (this.ranges === true) throw new Failure("lost", `${SERVER} sent all instead of a part`);
      this.ranges = false;
      throw new Failure("lost", `${SERVER} knows no ranges`);
    }
    if (response.status !== 206) throw refusal(response, SERVER);
    const asked = `bytes ${start}-${end - 1}/${this.size}`;
    const range = response.headers.get("Content-Range") ?? asked; // hidden where the server does not expose it
    const length = Number(response.headers.get("Content-Length") ?? end - start);
    if (range.replace(/\/\*$/, `/${this.size}`) !== asked || length !== end - start) {
      throw new Failure("wrong", `${SERVER} sent ${length} bytes as "${range}" instead of "${asked}"`);
    }
    this.ranges = true;
  }

  /** How many bytes of the body come before `start`. */
  #checkWhole(response: Response, start: number): number {
    if (response.status === 200) return start;
    throw refusal(response, SERVER);
  }
}
