import fc from "fast-check";
import { expect, test } from "vitest";
import {
  copiedIn,
  copiesName,
  copiesWithin,
  formatCopies,
  LARGEST_COPIES,
  MOST_COPIES,
  parseCopies,
  usefulCopies,
  type Copy,
} from "./copies.ts";

const SIZES = { size: 2 ** 32 - 2 ** 20, olderSize: 2 ** 32 - 1 };

/** Copies in order, with and without gaps, from anywhere. */
const arbitraryCopies = fc
  .array(fc.tuple(fc.nat(2 ** 26), fc.nat(2 ** 31), fc.integer({ min: 1, max: 2 ** 26 })), { maxLength: 30 })
  .map((parts) => {
    let at = 0;
    return parts.map(([gap, from, length]): Copy => {
      const start = at + (gap % 3 === 0 ? 0 : gap);
      at = start + length;
      return { start, from, length };
    });
  });

test("a list says what was written, to places just below 4 GiB", () => {
  fc.assert(
    fc.property(arbitraryCopies, (copies) => {
      expect(parseCopies(formatCopies(copies, SIZES), SIZES)).toEqual(copies);
    }),
  );
  const far = [
    { start: 0, from: SIZES.olderSize - 1, length: 1 },
    { start: SIZES.size - 1, from: 0, length: 1 },
  ];
  expect(parseCopies(formatCopies(far, SIZES), SIZES)).toEqual(far);
});

test("the largest list is within its limit", () => {
  const copies = Array.from({ length: MOST_COPIES }, (_, i) => {
    return { start: i * 65_000, from: i % 2 === 0 ? 2 ** 32 - 70_000 : 0, length: 64_000 };
  });
  expect(formatCopies(copies, SIZES).length).toBeLessThanOrEqual(LARGEST_COPIES);
});

const list = (...numbers: number[]) => new Uint8Array([...Buffer.from("os copies 1\n"), ...numbers]);
const small = { size: 100, olderSize: 50 };

test.each<[string, Uint8Array<ArrayBuffer>, RegExp]>([
  ["nothing", new Uint8Array(0), /does not begin/],
  ["another format", new Uint8Array(Buffer.from("os copies 2\n")), /does not begin/],
  ["no sizes", list(), /cut off/],
  ["other sizes", list(101, 50, 0), /images of 101 and 50/],
  ["sizes changed round", list(50, 100, 0), /images of 50 and 100/],
  ["one copy less than it says", list(100, 50, 2, 0, 0, 10), /cut off/],
  ["one byte more", list(100, 50, 1, 0, 0, 10, 0), /1 bytes follow/],
  ["half a number", list(100, 50, 0x80), /cut off/],
  ["zeros in front", list(100, 50, 0x80, 0), /zeros in front/],
  ["a number of six bytes", list(100, 50, 0xff, 0xff, 0xff, 0xff, 0xff, 1), /too long/],
  ["too many copies", list(100, 50, 0x81, 0x80, 4), /65537 copies/],
  ["an empty copy", list(100, 50, 1, 0, 0, 0), /0 bytes at 0/],
  ["a copy past the end", list(100, 50, 1, 91, 0, 10), /10 bytes at 91/],
  ["a copy from past the end", list(100, 50, 1, 0, 82, 10), /10 bytes at 41 are not in one of 50/],
  ["a copy from before the start", list(100, 50, 1, 0, 1, 10), /10 bytes at -1/],
])("%s is refused", (_, bytes, message) => {
  expect(() => parseCopies(bytes, small)).toThrow(RangeError);
  expect(() => parseCopies(bytes, small)).toThrow(message);
});

test("copies that overlap are not written", () => {
  const one = { start: 0, from: 0, length: 10 };
  expect(() => formatCopies([one, { ...one, start: 9 }], small)).toThrow(RangeError);
});

test("what the older image lacks is not copied", () => {
  const copies = [
    { start: 10, from: 100, length: 50 },
    { start: 70, from: 0, length: 20 },
  ];
  const there = [
    { start: 0, length: 5 },
    { start: 8, length: 2 },
    { start: 120, length: 500 },
  ];
  expect(copiesWithin(copies, there)).toEqual([
    { start: 30, from: 120, length: 30 },
    { start: 70, from: 0, length: 5 },
    { start: 78, from: 8, length: 2 },
  ]);
  expect(copiesWithin(copies, [])).toEqual([]);
});

test("copies that come to little are fetched with what is around them", () => {
  const row = [
    { start: 0, from: 500, length: 6 },
    { start: 6, from: 0, length: 4 },
  ];
  const alone = { start: 20, from: 0, length: 9 };
  const last = { start: 40, from: 0, length: 10 };
  expect(usefulCopies([...row, alone, last], 10)).toEqual([...row, last]);
  expect(usefulCopies([...row, alone, last], 11)).toEqual([]);
});

test("how much of a range is copied", () => {
  const copies = [
    { start: 10, from: 0, length: 10 },
    { start: 30, from: 0, length: 10 },
  ];
  expect([0, 15, 20, 35].map((start) => copiedIn(copies, { start, length: 20 }))).toEqual([10, 10, 10, 5]);
});

test("a list is called after the image that is copied from", () => {
  expect(copiesName("0123456789abcdef".repeat(4))).toBe("from-0123456789ab.copies");
});
