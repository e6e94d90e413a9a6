import fc from "fast-check";
import { expect, test } from "vitest";
import { gather, joined, pattern, split } from "../testing/bytes.ts";
import { chunksOf } from "./chunks.ts";
import { lengthOf, type Content, type Segment } from "./segment.ts";

test("a content is opened once and read by runs, whatever chunks it comes in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 })), fc.nat(30), async (lengths, at) => {
      const whole = pattern(lengths.reduce((a, b) => a + b, 0));
      const first = Math.min(at, whole.length);
      let opened = 0;
      const content: Content = { length: whole.length, open: () => (opened++, split(whole, lengths)) };
      const all: Segment[] = [
        { kind: "content", content, start: 0, length: first },
        { kind: "zeros", length: 3 },
        { kind: "content", content, start: first, length: whole.length - first },
        { kind: "bytes", bytes: pattern(2) },
      ];
      const segments = all.filter((segment) => lengthOf(segment) > 0); // as plans have them
      const expected = joined([whole.slice(0, first), new Uint8Array(3), whole.slice(first), pattern(2)]);
      expect(joined(await gather(chunksOf(segments)))).toEqual(expected);
      expect(opened).toBe(whole.length > 0 ? 1 : 0);
    }),
  );
});

test.each([
  ["too little", 11, /ended at 10/],
  ["too much", 9, /more than its 9 bytes/],
])("a content that yields %s is an error", async (_, length, message) => {
  const content: Content = { length, open: () => split(pattern(10), [10]) };
  const segments: Segment[] = [{ kind: "content", content, start: 0, length }];
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
  const segments: Segment[] = [{ kind: "content", content: { length: 100, open }, start: 0, length: 100 }];
  for await (const _ of chunksOf(segments)) break;
  expect(closed).toBe(true);
});
