import type { BufferPool } from "./buffer-pool.ts";
import type { Bytes } from "./segment.ts";

/**
 * The bytes of `chunks` in chunks of `size`, the last of them shorter, in buffers from `pool`. Throws `RangeError` when
 * they do not come to `length` bytes, and what `chunks` throws.
 */
export async function* rechunk(
  chunks: AsyncIterable<Bytes>,
  size: number,
  length: number,
  pool: BufferPool,
): AsyncGenerator<Bytes> {
  let left = length;
  let whole = pool.acquire(Math.min(size, left));
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + whole.length - filled);
      if (part.length === 0) throw new RangeError(`more than ${length} bytes`);
      whole.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < whole.length) continue;
      yield whole;
      left -= filled;
      whole = pool.acquire(Math.min(size, left));
      filled = 0;
    }
  }
  if (left > 0) throw new RangeError(`${length - left + filled} of ${length} bytes`);
}
