import { ahead, cut } from "../chunks.ts";
import { BaseImageError } from "../errors.ts";
import { WINDOW, type Manifest } from "../manifest.ts";
import type { Memory } from "../memory.ts";
import type { Bytes } from "../segment.ts";
import type { ReadRange } from "./base.ts";

/** One request asks for at most this many windows: 32 MiB. */
const SPAN = 8;

/** Windows that may be fetched and hashed before the reader asks for them. */
const AHEAD = 2;

/**
 * Windows `first` up to but not including `end` of a base image, in order, each checked against the
 * manifest's SHA-256 before it is passed on, in buffers from `memory`. Windows of zeros are made here, not
 * fetched. Throws `BaseImageError`.
 */
export async function* verifiedWindows(
  manifest: Manifest,
  read: ReadRange,
  first: number,
  end: number,
  signal: AbortSignal,
  memory: Memory,
): AsyncGenerator<Bytes> {
  for await (const { index, bytes, digest } of ahead(
    AHEAD,
    hashed(manifest, read, first, end, signal, memory),
  )) {
    const expected = manifest.digests[index];
    const found = await digest;
    if (expected !== "zeros" && found !== expected) {
      throw new BaseImageError("The base image is not the one its manifest describes", {
        cause: new Error(`window ${index} has SHA-256 ${found} instead of ${expected}`),
      });
    }
    yield bytes;
  }
}

/** How many bytes of the base have to be fetched: all windows but those of zeros. */
export function fetchedLength(manifest: Manifest): number {
  return manifest.digests.reduce(
    (sum, digest, index) => sum + (digest === "zeros" ? 0 : windowLength(manifest, index)),
    0,
  );
}

/** SHA-256 in lower-case hex. */
export async function sha256(bytes: Bytes): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

interface Hashed {
  readonly index: number;
  readonly bytes: Bytes;
  /** Under way, so that the next window is read meanwhile. */
  readonly digest: Promise<string>;
}

async function* hashed(
  manifest: Manifest,
  read: ReadRange,
  first: number,
  end: number,
  signal: AbortSignal,
  memory: Memory,
): AsyncGenerator<Hashed> {
  const isZeros = (index: number) => manifest.digests[index] === "zeros";
  let index = first;
  while (index < end) {
    if (isZeros(index)) {
      const bytes = memory.take(windowLength(manifest, index)).fill(0);
      yield { index: index++, bytes, digest: Promise.resolve("") };
      continue;
    }
    let stop = index + 1;
    while (stop < end && stop - index < SPAN && !isZeros(stop)) stop++;
    const start = index * WINDOW;
    const length = Math.min(stop * WINDOW, manifest.image.size) - start;
    for await (const bytes of cut(read(start, length, signal), WINDOW, length, memory)) {
      yield { index: index++, bytes, digest: sha256(bytes) };
    }
  }
}

function windowLength(manifest: Manifest, index: number): number {
  return Math.min(WINDOW, manifest.image.size - index * WINDOW);
}
