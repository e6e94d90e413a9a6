import { expect, test } from "vitest";
import { addressOnScreen, densityOf } from "./density.ts";

test.each([
  [1280, 720, 3],
  [1920, 1080, 3],
  [2560, 1440, 3],
  [3839, 2160, 3],
  [3840, 2160, 8],
  [2160, 3840, 8],
  [7680, 4320, 8],
  [999, 999, 3],
  [1000, 1000, 4],
  [1080, 1080, 4],
  [1200, 1200, 4],
  [1201, 1201, 3],
  [1180, 1081, 4],
  [1180, 1080, 3],
  [1024, 768, 3],
])("a screen of %i by %i has density %i", (width, height, density) => {
  expect(densityOf({ width, height })).toBe(density);
});

test("a bundle's address says so to AC", () => {
  expect(addressOnScreen("http://piece/piece.html", { width: 3840, height: 2160 })).toBe(
    "http://piece/piece.html?density=8&nogap=true&noauth=true",
  );
});
