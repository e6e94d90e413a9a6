import type { Bytes, Content, Segment } from "../src/ext4/segment.ts";

/** Bytes that are gathered before they are passed on. */
const CHUNK = 4 * 1024 * 1024;

/** Gathers segments into chunks, as a splicer would. Long runs of zeros are passed on as such. */
export class Sink {
  readonly #chunk: Bytes = new Uint8Array(CHUNK);
  #used = 0;
  readonly #onBytes: (chunk: Bytes) => void;
  readonly #onZeros: (length: number) => void;

  constructor(onBytes: (chunk: Bytes) => void, onZeros: (length: number) => void) {
    this.#onBytes = onBytes;
    this.#onZeros = onZeros;
  }

  async take(segments: Iterable<Segment>): Promise<void> {
    let open: { content: Content; iterator: AsyncIterator<Bytes>; rest: Bytes } | undefined;
    for (const segment of segments) {
      if (segment.kind === "bytes") this.bytes(segment.bytes);
      else if (segment.kind === "zeros") this.zeros(segment.length);
      else if (segment.kind === "content") {
        const { content } = segment;
        if (open?.content !== content) {
          open = { content, iterator: content.open()[Symbol.asyncIterator](), rest: new Uint8Array(0) };
        }
        for (let left = segment.length; left > 0;) {
          if (open.rest.length === 0) open.rest = (await open.iterator.next()).value as Bytes;
          const some = open.rest.subarray(0, left);
          this.bytes(some);
          left -= some.length;
          open.rest = open.rest.subarray(some.length);
        }
      }
    }
  }

  bytes(bytes: Bytes): void {
    for (let done = 0; done < bytes.length;) {
      const some = bytes.subarray(done, done + CHUNK - this.#used);
      this.#chunk.set(some, this.#used);
      this.#used += some.length;
      done += some.length;
      if (this.#used === CHUNK) this.flush();
    }
  }

  zeros(length: number): void {
    if (length > CHUNK / 16) {
      this.flush();
      this.#onZeros(length);
      return;
    }
    const here = Math.min(length, CHUNK - this.#used);
    this.#chunk.fill(0, this.#used, this.#used + here);
    this.#used += here;
    if (this.#used === CHUNK) this.flush();
    if (here < length) this.zeros(length - here);
  }

  flush(): void {
    if (this.#used > 0) this.#onBytes(this.#chunk.subarray(0, this.#used));
    this.#used = 0;
  }
}
