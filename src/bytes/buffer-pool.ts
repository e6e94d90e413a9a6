import type { Bytes } from "./segment.ts";

/**
 * Buffers that are used again: a chunk's buffer is released once nobody needs its bytes, and becomes that of a later
 * chunk. Allocating a gigabyte in new buffers leaves hundreds of megabytes of garbage.
 */
export class BufferPool {
  readonly #size: number;
  readonly #free: ArrayBuffer[] = [];

  /** A pool of buffers of `size` bytes; those of other sizes are made anew and not kept. */
  constructor(size: number) {
    this.#size = size;
  }

  /** `length` bytes of any content. */
  acquire(length: number): Bytes {
    return new Uint8Array((length === this.#size && this.#free.pop()) || new ArrayBuffer(length));
  }

  /** Give back a buffer that nobody uses any more. */
  release(buffer: ArrayBuffer): void {
    if (buffer.byteLength === this.#size) this.#free.push(buffer);
  }
}
