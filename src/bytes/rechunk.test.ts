import fc from "fast-check";
import { expect, test } from "vitest";
import { gather, joined, pattern, split } from "../testing/bytes.ts";
import { BufferPool } from "./buffer-pool.ts";
import { rechunk } from "./rechunk.ts";

test("however bytes arrive, they are cut into chunks of one size", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(40)), fc.integer({ min: 1, max: 50 }), async (lengths, size) => {
      const whole = pattern(lengths.reduce((a, b) => a + b, 0));
      const chunks = await gather(rechunk(split(whole, lengths), size, whole.length, new BufferPool(size)));
      expect(joined(chunks)).toEqual(whole);
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
