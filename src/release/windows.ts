import type { Bytes } from "../bytes/segment.ts";
import { sha256 } from "../bytes/sha256.ts";

/**
 * A window is hashed in parts of this many bytes. Chromium copies what it hashes, and copies of more than some
 * 900 KiB get new memory each time: 107 to 217 MB/s, where parts of 512 KiB reached 1,500.
 */
const PART = 512 * 1024;

/** The digest of a window: the SHA-256 of the SHA-256s of its parts one after another, in lower-case hex. */
export async function digestOf(window: Bytes): Promise<string> {
  const parts = Array.from({ length: Math.ceil(window.length / PART) }, (_, part) =>
    crypto.subtle.digest("SHA-256", window.subarray(part * PART, (part + 1) * PART)),
  );
  const digests = (await Promise.all(parts)).flatMap((digest) => [...new Uint8Array(digest)]);
  return await sha256(new Uint8Array(digests));
}

/** An image as a row of windows, each with the digest that it must have. */
export interface Windows {
  /** Of the image, in bytes. */
  readonly size: number;
  /** Of a window, in bytes; the last may be shorter. */
  readonly window: number;
  /** For each window its digest (`digestOf`), or "zeros" when it holds nothing else. */
  readonly digests: readonly string[];
}

/** The length of window `index` in bytes. */
export function lengthOfWindow({ size, window }: Windows, index: number): number {
  return Math.min(window, size - index * window);
}

/** The length of all windows that are not zeros, but for the last one, which can usually be made: of what has to be kept. */
export function neededLength({ window, digests }: Windows): number {
  return digests.slice(0, -1).filter((digest) => digest !== "zeros").length * window;
}

/** The length of all windows that are not zeros together, in bytes: what has to come from somewhere. */
export function contentLength(windows: Windows): number {
  return windows.digests.reduce(
    (sum, digest, index) => sum + (digest === "zeros" ? 0 : lengthOfWindow(windows, index)),
    0,
  );
}
