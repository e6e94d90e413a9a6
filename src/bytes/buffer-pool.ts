import type { Bytes } from "./segment.ts";

/**
 * Memory that goes round: a chunk's buffer comes back when its bytes have been taken and becomes a later
 * chunk. Making a gigabyte in new buffers leaves hundreds of megabytes for the garbage collector to find.
 */
export class Memory {
  readonly #size: number;
  readonly #free: ArrayBuffer[] = [];

  /** For buffers of `size` bytes; others are made and forgotten. */
  constructor(size: number) {
    this.#size = size;
  }

  /** `length` bytes, of any content. */
  take(length: number): Bytes {
    return new Uint8Array((length === this.#size && this.#free.pop()) || new ArrayBuffer(length));
  }

  /** A buffer that nobody looks at any more. */
  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength === this.#size) this.#free.push(buffer);
  }
}
