import { expect, test } from "vitest";
import type { Bytes } from "../bytes/segment.ts";
import { RetryPolicy } from "../fetch/retry.ts";
import { WINDOW, windowsOf } from "../release/manifest.ts";
import { pattern } from "../testing/bytes.ts";
import { sha256Of, testBase } from "../testing/test-base.ts";
import { baseFileReader } from "./base-files.ts";

test("files are read out of the image to the byte, and no window twice", async () => {
  const { image, manifest } = await testBase(pattern(WINDOW, 9));
  // Two that share a window with each other, one that goes over a border, one that is all of a window
  const places = [
    [WINDOW, 10],
    [WINDOW + 2048, 5000],
    [2 * WINDOW - 7, 3 * WINDOW - (2 * WINDOW - 7) + 1],
    [3 * WINDOW, WINDOW],
  ] as const;
  const files = places.map(([start, length], i) => {
    return { path: `/file${i}`, start, length, sha256: sha256Of(image.subarray(start, start + length)) };
  });
  const reads: number[] = [];
  const seed = {
    has: () => true,
    async read(index: number): Promise<Bytes> {
      reads.push(index);
      return image.slice(index * WINDOW, (index + 1) * WINDOW);
    },
  };
  const sources = { windows: windowsOf(manifest), servers: [], retry: new RetryPolicy(), seeds: [seed] };
  const read = baseFileReader(sources, files, new AbortController().signal);
  for (const { start, length, sha256 } of files) {
    const chunks: Bytes[] = [];
    for await (const chunk of read(start, length)) chunks.push(chunk.slice());
    expect(sha256Of(new Uint8Array(Buffer.concat(chunks)))).toBe(sha256);
  }
  expect(reads.toSorted((one, other) => one - other)).toEqual([1, 3]); // the second is zeros, which nothing is read for
});
