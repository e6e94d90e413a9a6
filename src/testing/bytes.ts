import type { Bytes } from "../bytes/segment.ts";

/** Bytes that look like nothing and are the same every time (xorshift32). */
export function pattern(length: number, seed = 1): Bytes {
  const bytes = new Uint8Array(length);
  let x = seed * 2654435769;
  for (let i = 0; i < length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x;
  }
  return bytes;
}

/** All that an iterable yields. */
export async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Chunks as one. */
export function joined(chunks: Bytes[]): Bytes {
  return new Uint8Array(Buffer.concat(chunks));
}

/** `bytes` in chunks of these lengths, as views. */
export async function* split(bytes: Bytes, lengths: number[]): AsyncGenerator<Bytes> {
  let at = 0;
  for (const length of lengths) yield bytes.subarray(at, (at += length));
}
