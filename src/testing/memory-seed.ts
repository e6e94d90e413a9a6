import type { Bytes } from "../bytes/segment.ts";
import { lengthOfWindow, type Windows } from "../release/windows.ts";
import type { Shelf } from "../fetch/downloader.ts";

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
