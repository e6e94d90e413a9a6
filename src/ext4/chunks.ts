import type { Bytes, Content, Segment } from "./segment.ts";

const ZEROS = new Uint8Array(1024 * 1024);

/**
 * The bytes of segments, in order. Chunks are views of memory that stays in use: copy what you keep or transfer. Throws
 * `RangeError` when a content yields fewer or more bytes than its length; what a content throws passes through. A loop
 * that is left early closes the contents that are open.
 */
export async function* chunksOf(segments: Iterable<Segment>): AsyncGenerator<Bytes> {
  for await (const run of chunksOrHoles(segments)) {
    if (typeof run === "number") yield* zeros(run);
    else yield run;
  }
}

/** The same, with a number of bytes in place of zeros, for a caller that can skip them or make holes in a file. */
export async function* chunksOrHoles(segments: Iterable<Segment>): AsyncGenerator<Bytes | number> {
  let reading: Reading | undefined;
  try {
    for (const segment of segments) {
      if (segment.kind === "bytes") yield segment.bytes;
      else if (segment.kind === "zeros") yield segment.length;
      else {
        const { content, start, length } = segment;
        if (reading?.content !== content || start < reading.at) {
          await reading?.close();
          reading = new Reading(content);
        }
        yield* reading.take(start, length);
        if (start + length < content.length) continue;
        await reading.close();
        reading = undefined;
      }
    }
  } finally {
    await reading?.close();
  }
}

function* zeros(length: number): Generator<Bytes> {
  for (let left = length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left);
}

/** One content that is being read, front to back, in parts. */
class Reading {
  readonly content: Content;
  /** How many bytes of it have been read. */
  at = 0;
  readonly #chunks: AsyncIterator<Bytes>;
  #rest: Bytes = new Uint8Array(0);

  constructor(content: Content) {
    this.content = content;
    this.#chunks = content.open()[Symbol.asyncIterator]();
  }

  /** Bytes `start, length`. What comes before and has not been read is passed over. */
  async *take(start: number, length: number): AsyncGenerator<Bytes> {
    for await (const _ of this.#until(start));
    yield* this.#until(start + length);
  }

  async *#until(end: number): AsyncGenerator<Bytes> {
    while (this.at < end) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done) throw new RangeError(`content of ${this.content.length} bytes ended at ${this.at}`);
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, end - this.at);
      this.#rest = this.#rest.subarray(part.length);
      this.at += part.length;
      yield part;
    }
  }

  /** Throws when the content has more bytes than its length. */
  async close(): Promise<void> {
    if (this.at < this.content.length) {
      await this.#chunks.return?.();
      return;
    }
    const more = this.#rest.length > 0 || !(await this.#chunks.next()).done;
    await this.#chunks.return?.();
    if (more) throw new RangeError(`content has more than its ${this.content.length} bytes`);
  }
}
