import type { Bytes } from "./segment.ts";

/**
 * Buffers that are used again: a chunk's buffer is released once its bytes have been taken, and becomes a later
 * chunk. Allocating a gigabyte in new buffers leaves hundreds of megabytes of garbage.
 */
export class BufferPool {
  readonly #size: number;
  readonly #free: ArrayBuffer[] = [];

  /** For buffers of `size` bytes; others are made and forgotten. */
  constructor(size: number) {
    this.#size = size;
  }

  /** `length` bytes, of any content. */
  acquire(length: number): Bytes {
    return new Uint8Array((length === this.#size && this.#free.pop()) || new ArrayBuffer(length));
  }

  /** A buffer that nobody looks at any more. */
  release(buffer: ArrayBuffer): void {
    if (buffer.byteLength === this.#size) this.#free.push(buffer);
  }
}
