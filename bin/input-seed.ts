import { BufferPool } from "../src/bytes/buffer-pool.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import type { Seed } from "../src/fetch/seed.ts";
import { digestOf, lengthOfWindow, type Windows } from "../src/release/windows.ts";
import { type Input, readAt } from "./input.ts";

/**
 * The windows that an image in a file or on a disk may have, each at its own place. A part that cannot be read (a stick
 * that is worn out) is as good as one that is wrong: the window comes from elsewhere.
 */
export function inputSeed(file: string, { handle, size }: Input, windows: Windows): Seed {
  return {
    has: (index) => index * windows.window + lengthOfWindow(windows, index) <= size,
    async read(index, pool) {
      const bytes = pool.acquire(lengthOfWindow(windows, index));
      try {
        return await readAt(file, handle, index * windows.window, bytes);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        pool.release(bytes.buffer);
        return undefined;
      }
    },
  };
}

const ZEROS = Buffer.alloc(64 * 1024);

/** Whether a seed has window `index` as the image has it, zeros too. */
export async function isRight(
  seed: Seed,
  windows: Windows,
  index: number,
  pool: BufferPool,
): Promise<boolean> {
  const bytes = seed.has(index) ? await seed.read(index, pool) : undefined;
  if (!bytes) return false;
  const digest = windows.digests[index];
  const right = digest === "zeros" ? isZeros(bytes) : (await digestOf(bytes)) === digest;
  pool.release(bytes.buffer);
  return right;
}

/** Whether there is no other byte than 0. */
export function isZeros(bytes: Bytes): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (ZEROS.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}
