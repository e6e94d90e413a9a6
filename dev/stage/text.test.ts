import { expect, test } from "vitest";
import { glyph } from "../../src/splash/font.ts";
import { place, textBox, type TextPosition } from "./text.ts";

const screen = { width: 200, height: 100 };

// "os" at size 1 is 12 by 11.
test.each<[TextPosition, { x: number; y: number }]>([
  [
    { x: 5, y: 7 },
    { x: 5, y: 7 },
  ],
  [
    { left: 5, top: 7 },
    { x: 5, y: 7 },
  ],
  [{ center: "xy" }, { x: 94, y: 45 }],
  [
    { center: "x", y: 7 },
    { x: 94, y: 7 },
  ],
  [
    { center: "x", x: 50, y: 7 },
    { x: 44, y: 7 },
  ],
  [
    { center: "y", x: 5 },
    { x: 5, y: 45 },
  ],
  [
    { right: 10, bottom: 10 },
    { x: 184, y: 79 },
  ], // AC leaves room for one character to the right
])("writes at %j from %j", (position, corner) => {
  expect(place("os", position, screen)).toMatchObject(corner);
});

test("a line is 11 pixels high, 20 at size 2, and lines follow each other", () => {
  expect(place("os", { x: 0, y: 0 }, screen, 3)).toMatchObject({ y: 33, width: 12, height: 11 });
  expect(place("os", { x: 0, y: 0, size: 2 }, screen, 3)).toMatchObject({ y: 60, width: 24, height: 20 });
});

test("without x and y it is anywhere", () => {
  const places = Array.from({ length: 20 }, () => place("os", {}, screen));
  expect(new Set(places.map(({ x }) => x)).size).toBeGreaterThan(1);
  expect(new Set(places.map(({ y }) => y)).size).toBeGreaterThan(1);
});

const lines = (text: string, bounds?: number, wordWrap = true) =>
  textBox(text, { x: 0, y: 0 }, bounds, 1, wordWrap, screen).lines.map((line) => line.join(" "));

test("breaks lines before they reach the bounds, each word with the space after it", () => {
  expect(lines("one two three", 48)).toEqual(["one", "two", "three"]); // 24 + 24 is not below 48
  expect(lines("one two three", 49)).toEqual(["one two", "three"]);
  expect(lines("one two three")).toEqual(["one two three"]);
  expect(lines("one\ntwo three", 99)).toEqual(["one", "two three"]);
});

test("breaks anywhere without word wrap", () => {
  expect(lines("abcdefgh", 18, false)).toEqual(["abc", "def", "gh"]);
  expect(lines("ab\n\ncd", 18, false)).toEqual(["ab", "", "cd"]);
});

test("measures what it breaks", () => {
  expect(textBox("one two three", { x: 3, y: 4 }, 49, 1, true, screen).box).toEqual({
    x: 3,
    y: 4,
    width: 49,
    height: 22,
  });
});

test("every printable character but the space has pixels, all within its block, and no two are alike", () => {
  const seen = new Set<string>();
  for (let code = 0x21; code < 0x7f; code++) {
    const pixels = glyph(String.fromCharCode(code));
    expect(pixels.length, String.fromCharCode(code)).toBeGreaterThan(0);
    expect(pixels.every(({ x, y }) => x >= 0 && x < 5 && y >= 1 && y < 10)).toBe(true);
    seen.add(JSON.stringify(pixels));
  }
  expect(seen.size).toBe(94);
  expect(glyph(" ")).toEqual([]);
  expect(glyph("…")).toEqual([]);
});
