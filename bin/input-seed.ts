import type { Seed } from "../src/fetch/seed.ts";
import { lengthOfWindow, type Windows } from "../src/release/windows.ts";
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
