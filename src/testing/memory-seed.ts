import type { Bytes } from "../bytes/segment.ts";
import { lengthOfWindow, type Windows } from "../release/windows.ts";
import type { Seed } from "../fetch/seed.ts";

/** The windows of an image in memory: all of them, or those that `has` says. */
export function memorySeed(
  windows: Windows,
  image: Bytes,
  has: (index: number) => boolean = () => true,
): Seed {
  return {
    has,
    read(index, pool) {
      const bytes = pool.acquire(lengthOfWindow(windows, index));
      const start = index * windows.window;
      bytes.set(image.subarray(start, start + bytes.length));
      return Promise.resolve(bytes);
    },
  };
}
