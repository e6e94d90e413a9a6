import fc from "fast-check";
import { expect, test } from "vitest";
import { PieceNameError } from "../errors.ts";
import { imageFileName, parsePiece } from "./name.ts";

test.each([
  ["notepat", "notepat-os.iso"],
  ["$cow", "cow-os.iso"],
  ["@jeffrey/frog", "jeffrey-frog-os.iso"],
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

test("whatever passes is harmless in a file name", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[@$]?[\w./-]{0,9}$/)), (text) => {
      try {
        expect(imageFileName(parsePiece(text))).toMatch(/^[a-z0-9][a-z0-9._-]*-os\.iso$/i);
      } catch (error) {
        expect(error).toBeInstanceOf(PieceNameError);
      }
    }),
  );
});
