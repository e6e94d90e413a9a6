import { expect, test } from "vitest";
import { findColor } from "./color.ts";
import { colorNames } from "./names.ts";

test.each([
  [
    [10, 20, 30],
    [10, 20, 30, 255],
  ],
  [
    [10, 20, 30, 40],
    [10, 20, 30, 40],
  ],
  [[7], [7, 7, 7, 255]],
  [
    [7, 8],
    [7, 7, 7, 8],
  ],
  [[[1, 2, 3]], [1, 2, 3, 255]],
  [[0xff8000], [255, 128, 0, 255]],
  [["#ff8000"], [255, 128, 0, 255]],
  [["hotpink"], [255, 105, 180, 255]],
  [
    ["red", 0.5],
    [255, 0, 0, 128],
  ],
  [
    ["red", 90],
    [255, 0, 0, 90],
  ],
  [[true], [255, 255, 255, 255]],
])("%j is %j", (args, color) => {
  expect(findColor(...args)).toEqual(color);
});

test.each([[[]], [[undefined]], [["no such colour"]]])("%j is random, and opaque", (args) => {
  const found = Array.from({ length: 20 }, () => findColor(...args));
  expect(new Set(found.map(String)).size).toBeGreaterThan(1);
  expect(found.every(([, , , alpha]) => alpha === 255)).toBe(true);
});

test("CSS has this many names", () => {
  expect(colorNames.size).toBe(148);
});
