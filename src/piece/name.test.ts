import fc from "fast-check";
import { expect, test } from "vitest";
import { PieceNameError } from "../errors.ts";
import { imageFileName, isHandle, parsePiece, partitionFileName } from "./name.ts";

test.each([
  ["notepat", "notepat-os.iso"],
  ["$cow", "kidlisp.cow-os.iso"],
  ["@jeffrey/frog", "frog@jeffrey-os.iso"],
  ["", "prompt-os.iso"],
  ["  wave ", "wave-os.iso"],
  ["a".repeat(100), `${"a".repeat(100)}-os.iso`],
])("%j becomes %s", (text, file) => {
  expect(imageFileName(parsePiece(text))).toBe(file);
});

test.each([
  "../x",
  "a/../b",
  "@/x",
  "@../x",
  "@a/b/c",
  "-rf",
  "it's",
  'say "hi"',
  "<script>alert(1)</script>",
  "a b",
  "a\0b",
  "a\nb",
  "$",
  "$a b",
  "🎹",
  "%2e%2e",
  "a".repeat(101),
  "a".repeat(300),
])("%j is refused in plain ASCII", (text) => {
  expect(() => parsePiece(text)).toThrow(PieceNameError);
  expect(() => parsePiece(text)).toThrow(/^"[\x20-\x7e]{1,35}" is not the name of a piece$/);
});

/** What a piece may be called, with an eye to what could be taken for another. */
const name = fc
  .stringMatching(
    /^(?:\$[ab0]{1,4}|(?:@[ab0][ab0._-]{0,3}\/)?[ab0][ab0_-]{0,4}|(?:kidlisp|con|nul)[ab-]{0,2})$/,
  )
  .map(parsePiece);

test.each([
  ["cow", "$cow"],
  ["kidlisp-cow", "$cow"],
  ["@a/b-c", "@a-b/c"],
  ["@a.b/c", "@b/c"],
  ["@cow/kidlisp", "$cow"],
  ["a-b", "@a/b"],
])("%s and %s have files of their own", (one, other) => {
  expect(imageFileName(parsePiece(one))).not.toBe(imageFileName(parsePiece(other)));
});

test("no two pieces share a file name", () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 200 }), (names) => {
      expect(new Set(names.map((each) => imageFileName(each))).size).toBe(names.length);
    }),
  );
});

/** What Windows opens a device for, whatever follows the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

test("whatever passes is harmless in a file name", () => {
  fc.assert(
    fc.property(fc.oneof(name, fc.string(), fc.stringMatching(/^[@$]?[\w./-]{0,9}$/)), (text) => {
      try {
        const file = imageFileName(parsePiece(text));
        expect(file).toMatch(/^[a-z0-9][a-z0-9@._-]*-os\.iso$/i);
        expect(file).not.toMatch(DEVICE);
        expect(file.length).toBeLessThan(200);
      } catch (error) {
        expect(error).toBeInstanceOf(PieceNameError);
      }
    }),
  );
});

test.each([
  ["@jeffrey", true],
  ["@a", true],
  ["@A.b_c", true],
  [`@${"x".repeat(16)}`, true],
  [`@${"x".repeat(17)}`, false],
  ["@", false],
  ["jeffrey", false],
  ["@.a", false],
  ["@a_", false],
  ["@a..b", false],
  ["@a b", false],
  ["@a\n", false],
  ["@\u00e9", false],
])("%j is a handle: %j", (text, isOne) => {
  expect(isHandle(text)).toBe(isOne);
});

test("a file with several pieces says how many more there are", () => {
  expect(imageFileName("notepat", 2)).toBe("notepat+2-os.iso");
  expect(imageFileName("@jeffrey/frog", 1)).toBe("frog@jeffrey+1-os.iso");
  expect(partitionFileName("$cow", 9)).toBe("kidlisp.cow+9-piece.img");
});

test("an image for a Raspberry Pi is called so, and as its users look for it", () => {
  expect(imageFileName("notepat", 0, "aarch64")).toBe("notepat-os-arm.img");
  expect(imageFileName("$cow", 2, "aarch64")).toBe("kidlisp.cow+2-os-arm.img");
  expect(imageFileName("notepat", 0, "x86_64")).toBe("notepat-os.iso");
});
