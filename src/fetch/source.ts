import type { Bytes } from "../bytes/segment.ts";
import { parseContentRange } from "./content-range.ts";
import { Failure, NoRanges, portal, refusal } from "./failure.ts";
import { get, isWebPage, StandstillError, unreachable, type Answer } from "./http.ts";
import type { SourceHealth } from "./source-pool.ts";

/** What messages call any source. */
const SERVER = "The base image's server";

/** One address of an image. */
export class Source {
  readonly url: string;
  /** Of the image, in bytes. */
  readonly size: number;
  /** What its answers have shown so far. It outlives a download: the next one begins with it. */
  readonly health: SourceHealth = { ranges: undefined, failures: 0 };

  constructor(url: string, size: number) {
    this.url = url;
    this.size = size;
  }

  /**
   * Bytes from `start` up to `end`. A 206 may bring more than that, or only its beginning (RFC 9110, section 15.3.7:
   * caches align to blocks, servers cap what they send): what was wanted is taken out of it, and the rest asked for. A
   * 200 means that the server does not honour ranges. From then on the whole image is asked for, and what comes before
   * `start` is dropped. A chunk is good until the next is asked for. Throws `Failure`, `StandstillError`, and the reason
   * that `stop` is aborted with.
   */
  async *read(start: number, end: number, silenceMs: number, stop: AbortSignal): AsyncGenerator<Bytes> {
    for (let at = start; at < end;) {
      const before = at;
      for await (const bytes of this.#request(at, end, silenceMs, stop)) {
        at += bytes.length;
        yield bytes;
      }
      if (at === before) throw new Failure("lost", `${SERVER} sent no byte of the ${end - at} asked for`);
    }
  }

  /** What one request brings of this range, from its beginning on. */
  async *#request(start: number, end: number, silenceMs: number, stop: AbortSignal): AsyncGenerator<Bytes> {
    const ranged = this.health.ranges !== false;
    const headers = ranged ? { Range: `bytes=${start}-${end - 1}` } : {};
    let came = 0;
    let expected: number;
    try {
      const answer = await get(this.url, { headers, silenceMs, stop });
      let part: Part;
      try {
        part = ranged ? await this.#partOf(answer, start, end) : wholeOf(answer.response, start, end);
      } catch (error) {
        await answer.response.body?.cancel().catch(() => {}); // closed already
        throw error;
      }
      let { skip } = part;
      expected = part.length ?? end - start;
      let isFirst = true;
      for await (const chunk of answer.chunks()) {
        if (isFirst && answer.response.status === 200 && isWebPage(chunk)) throw portal(SERVER);
        isFirst = false;
        const bytes = chunk.subarray(skip, skip + expected - came);
        skip = Math.max(0, skip - chunk.length);
        if (bytes.length === 0) continue;
        came += bytes.length;
        yield bytes;
        if (came === expected) return; // whatever else it may send is not ours
      }
      if (part.length === undefined) return; // how much it would be was not said
    } catch (error) {
      stop.throwIfAborted();
      if (error instanceof Failure || error instanceof StandstillError) throw error;
      throw new Failure("lost", `${SERVER} was lost: ${unreachable(error)}`, { cause: error });
    }
    throw new Failure("lost", `${SERVER} stopped after ${came} of ${expected} bytes`);
  }

  /** What an answer to a request for a range brings. */
  async #partOf({ response, chunks }: Answer, start: number, end: number): Promise<Part> {
    if (response.status === 200) {
      for await (const chunk of chunks()) {
        if (isWebPage(chunk)) throw portal(SERVER);
        break;
      }
      if (this.health.ranges === true) throw new Failure("lost", `${SERVER} sent all instead of a part`);
      throw this.#withoutRanges();
    }
    if (response.status !== 206) throw refusal(response, SERVER);
    const part = readPart(response.headers, { start, end, size: this.size }, response.type === "cors");
    if (part === "whole") throw this.#withoutRanges();
    this.health.ranges = true;
    return part;
  }

  #withoutRanges(): NoRanges {
    this.health.ranges = false;
    return new NoRanges("lost", `${SERVER} knows no ranges`);
  }
}

/** Where in the body of an answer the bytes are that were asked for. */
export interface Part {
  /** So many bytes come before them. */
  readonly skip: number;
  /** So many of them come, or `undefined` where that was not said. */
  readonly length: number | undefined;
}

/**
 * What a 206 says that it brings of the bytes from `start` up to `end`; "whole" when that is all of an image of which a
 * part was asked for. `mayHide`: a page sees `Content-Range` only where the server exposes it, and takes an answer that
 * is not too long for the beginning of what it asked for. Digests tell if that was wrong. Throws a `Failure` for what
 * RFC 9110, section 14.4, does not allow, and for a part of no use: another image's, or without the first byte asked for.
 */
export function readPart(
  headers: Headers,
  { start, end, size }: { readonly start: number; readonly end: number; readonly size: number },
  mayHide: boolean,
): Part | "whole" {
  const wrong = (what: string) =>
    new Failure("wrong", `${SERVER}, asked for bytes ${start}-${end - 1}/${size}, sent ${what}`, {
      isRefusal: true,
    });
  if (/^multipart\/byteranges\b/i.test(headers.get("Content-Type") ?? "")) {
    throw wrong("several parts (multipart/byteranges)");
  }
  const header = headers.get("Content-Range");
  if (header === null) {
    const sent = headers.get("Content-Length");
    const length = sent === null ? undefined : Number(sent);
    if (!mayHide) throw wrong("a part without saying which (no Content-Range)");
    if (length !== undefined && length > end - start) throw wrong(`${length} bytes`);
    return { skip: 0, length };
  }
  const range = parseContentRange(header);
  if (!range) throw wrong(`an invalid Content-Range, "${header}"`);
  const { first, last, total = size } = range;
  if (total !== size || first > start || last < start || last >= size) throw wrong(`"${header}"`);
  if (first === 0 && last === size - 1 && (start > 0 || end < size)) return "whole";
  return { skip: start - first, length: Math.min(end - 1, last) - start + 1 };
}

/** What an answer to a request for the whole image brings. */
function wholeOf(response: Response, start: number, end: number): Part {
  if (response.status !== 200) throw refusal(response, SERVER);
  return { skip: start, length: end - start };
}
