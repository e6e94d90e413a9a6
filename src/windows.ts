/** An image as a row of windows, each with what its bytes must hash to. */
export interface Windows {
  /** Of the image, in bytes. */
  readonly size: number;
  /** Of a window, in bytes; the last may be shorter. */
  readonly window: number;
  /** For each window its SHA-256 in lower-case hex, or "zeros" when it holds nothing else. */
  readonly digests: readonly string[];
}

/** How many bytes window `index` has. */
export function lengthOfWindow({ size, window }: Windows, index: number): number {
  return Math.min(window, size - index * window);
}

/** How many bytes the windows that are not zeros come to: what has to be had from somewhere. */
export function contentLength(windows: Windows): number {
  return windows.digests.reduce(
    (sum, digest, index) => sum + (digest === "zeros" ? 0 : lengthOfWindow(windows, index)),
    0,
  );
}
