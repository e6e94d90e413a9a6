import { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { orderedWindows, type WindowSources } from "../fetch/downloader.ts";
import type { Seed } from "../fetch/seed.ts";
import { WINDOW, type Manifest } from "../release/manifest.ts";

/**
 * What reads files of a base out of its image, by windows that are verified as they are for the image itself. A chunk's
 * buffer is used again when the next one is asked for. Windows in which several files lie are fetched once and held: a
 * handful, since only the few files of the ESP lie beside each other.
 */
export function baseFileReader(
  sources: WindowSources,
  files: Manifest["files"],
  stop: AbortSignal,
): (start: number, length: number) => AsyncGenerator<Bytes> {
  const pool = new BufferPool(WINDOW);
  const shared = sharedWindows(files);
  const all = { ...sources, seeds: [shared.seed, ...sources.seeds] };
  return async function* read(start, length) {
    const first = Math.floor(start / WINDOW);
    const end = Math.ceil((start + length) / WINDOW);
    let index = first;
    for await (const window of orderedWindows(all, first, end, pool, stop)) {
      shared.remember(index, window);
      const from = Math.max(0, start - index * WINDOW);
      yield window.subarray(from, Math.min(WINDOW, start + length - index * WINDOW));
      pool.release(window.buffer);
      index++;
    }
  };
}

function sharedWindows(files: Manifest["files"]): {
  seed: Seed;
  remember(index: number, window: Bytes): void;
} {
  const uses = new Map<number, number>();
  for (const { start, length } of files) {
    for (let i = Math.floor(start / WINDOW); i * WINDOW < start + length; i++) {
      uses.set(i, (uses.get(i) ?? 0) + 1);
    }
  }
  const held = new Map<number, Bytes>();
  return {
    seed: {
      has: (index) => held.has(index),
      async read(index, pool) {
        const window = held.get(index);
        if (!window) return undefined;
        const copy = pool.acquire(window.length);
        copy.set(window);
        return copy;
      },
    },
    remember(index, window) {
      if ((uses.get(index) ?? 0) > 1 && !held.has(index)) held.set(index, window.slice());
    },
  };
}
