import { assert, constantFrom, array, integer, oneof, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";
import { canonicalText, decodeText, encodeText, writeText } from "./text.ts";

test.each([
  [[0x63, 0x61, 0x66, 0xe9], "caf\udce9"],
  [[0xc3, 0xa9], "é"],
  [[0xef, 0xbf, 0xbd], "\ufffd"],
  [[0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
  [[0xed, 0xa0, 0x80], "\udced\udca0\udc80"], // a surrogate in UTF-8 is none
  [[0xc0, 0xaf], "\udcc0\udcaf"], // neither is a longer way to write "/"
  [[0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"],
  [[0xf0, 0x9f, 0x98, 0x80, 0xf0, 0x9f], "😀\udcf0\udc9f"],
  [[0xe2, 0x82, 0x41], "\udce2\udc82A"],
])("%j is %j", (bytes, text) => {
  expect(decodeText(Uint8Array.from(bytes))).toBe(text);
  expect(encodeText(text)).toEqual(Uint8Array.from(bytes));
});

test("half a surrogate pair that stands for no byte is not text", () => {
  for (const text of ["\ud800", "a\udbff", "\udc00", "\udc7f", "\udd00x", "\udfff"]) {
    expect(encodeText(text)).toBeUndefined();
  }
});

test("bytes given one by one that are UTF-8 together are the character", () => {
  expect(canonicalText("\udcc3\udca9")).toBe("é");
  expect(canonicalText("\udce9")).toBe("\udce9");
});

test("whatever the bytes, their text leads back to them, and is the only one", () => {
  const parts = oneof(
    constantFrom(
      [0xc3, 0xa9],
      [0xc3],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x9f, 0x98, 0x80],
      [0xf0, 0x9f],
      [0x2f],
      [0xe9],
    ),
    integer({ min: 0, max: 255 }).map((byte) => [byte]),
  );
  const bytes = oneof(
    array(parts, { maxLength: 20 }).map((all) => Uint8Array.from(all.flat())),
    uint8Array({ maxLength: 60 }).map((all) => Uint8Array.from(all)),
  );
  assert(
    property(bytes, (some) => {
      const text = decodeText(some);
      expect(encodeText(text)).toEqual(some);
      expect(canonicalText(text)).toBe(text);
      const written = new Uint8Array(some.length);
      writeText(text, written);
      expect(written).toEqual(some);
    }),
    { numRuns: 2000 },
  );
});
