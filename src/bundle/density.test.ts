import { describe, expect, test } from "vitest";
import { acBundle } from "../testing/ac-bundle.ts";
import { addressOnScreen, densityOf, pageOnScreen } from "./density.ts";

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

describe("a page without an address", () => {
  const screen = { width: 1280, height: 720 };
  const script = "<script>window.acPACK_DENSITY = 3; window.acFORCE_NOGAP = true;</script>";

  test.each(["", "\n", "\ufeff", "<!-- one --> <!-- two -->\n"])(
    "is told behind its doctype, after %j",
    (before) => {
      const html = before + acBundle();
      const told = pageOnScreen(html, screen);
      expect(told.replace(script, "")).toBe(html);
      expect(told.slice(before.length)).toMatch(/^<!doctype html><script>window.acPACK_DENSITY/i);
    },
  );

  test("is told at its beginning when it has no doctype", () => {
    const html = "<script>window.acPACK_MODE = true; // <!doctype html>\n</script>";
    expect(pageOnScreen(html, screen)).toBe(script + html);
  });

  test("stays as it is when it is not AC's", () => {
    const html = "<!doctype html><script>document.scripts[0].remove()</script>";
    expect(pageOnScreen(html, screen)).toBe(html);
  });
});
