import type { Bytes } from "../segment.ts";
import { lengthOfWindow, type Windows } from "../windows.ts";
import type { Shelf } from "../worker/lanes.ts";

/** The windows of an image in memory: all of them, or those that `has` says. */
export function memoryShelf(
  windows: Windows,
  image: Bytes,
  has: (index: number) => boolean = () => true,
): Shelf {
  return {
    has,
    read(index, memory) {
      const bytes = memory.take(lengthOfWindow(windows, index));
      const start = index * windows.window;
      bytes.set(image.subarray(start, start + bytes.length));
      return Promise.resolve(bytes);
    },
  };
}
