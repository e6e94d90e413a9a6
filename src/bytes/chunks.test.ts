import fc from "fast-check";
import { expect, test } from "vitest";
import { chunksOf, rechunk, type MadeSegment } from "./chunks.ts";
import { lengthOf, type Bytes, type Content } from "./segment.ts";
import { BufferPool } from "./buffer-pool.ts";
import { pattern } from "../testing/test-base.ts";

test("however bytes arrive, they are cut into chunks of one size", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(40)), fc.integer({ min: 1, max: 50 }), async (lengths, size) => {
      const whole = pattern(lengths.reduce((a, b) => a + b, 0));
      const chunks = await gather(rechunk(split(whole, lengths), size, whole.length, new BufferPool(size)));
      expect(join(chunks)).toEqual(whole);
      expect(chunks.slice(0, -1).every((chunk) => chunk.length === size)).toBe(true);
      expect(chunks.every((chunk) => chunk.buffer.byteLength === chunk.length)).toBe(true);
    }),
  );
});

test.each([9, 11])("a stream of 10 bytes is not taken for one of %i", async (length) => {
  await expect(gather(rechunk(split(pattern(10), [3, 7]), 4, length, new BufferPool(4)))).rejects.toThrow(
    RangeError,
  );
});

test("a content is opened once and read by runs, whatever chunks it comes in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 })), fc.nat(30), async (lengths, at) => {
      const whole = pattern(lengths.reduce((a, b) => a + b, 0));
      const first = Math.min(at, whole.length);
      let opened = 0;
      const content: Content = { length: whole.length, open: () => (opened++, split(whole, lengths)) };
      const all: MadeSegment[] = [
        { kind: "content", content, start: 0, length: first },
        { kind: "zeros", length: 3 },
        { kind: "content", content, start: first, length: whole.length - first },
        { kind: "bytes", bytes: pattern(2) },
      ];
      const segments = all.filter((segment) => lengthOf(segment) > 0); // as plans have them
      const expected = join([whole.slice(0, first), new Uint8Array(3), whole.slice(first), pattern(2)]);
      expect(join(await gather(chunksOf(segments)))).toEqual(expected);
      expect(opened).toBe(whole.length > 0 ? 1 : 0);
    }),
  );
});

test.each([
  ["too little", 11, /ended at 10/],
  ["too much", 9, /more than its 9 bytes/],
])("a content that yields %s is an error", async (_, length, message) => {
  const content: Content = { length, open: () => split(pattern(10), [10]) };
  const segments: MadeSegment[] = [{ kind: "content", content, start: 0, length }];
  await expect(gather(chunksOf(segments))).rejects.toThrow(message);
});

test("a content that is left is closed", async () => {
  let closed = false;
  async function* open() {
    try {
      for (;;) yield pattern(5);
    } finally {
      closed = true;
    }
  }
  const segments: MadeSegment[] = [
    { kind: "content", content: { length: 100, open }, start: 0, length: 100 },
  ];
  for await (const _ of chunksOf(segments)) break;
  expect(closed).toBe(true);
});

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function join(chunks: Bytes[]): Bytes {
  return new Uint8Array(Buffer.concat(chunks));
}

async function* split(bytes: Bytes, lengths: number[]): AsyncGenerator<Bytes> {
  let at = 0;
  for (const length of lengths) yield bytes.subarray(at, (at += length));
}
