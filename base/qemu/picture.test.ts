import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { splash } from "../../src/splash/splash.ts";
import { difference, pageLetters, type Picture, pixelAt, readPicture } from "./picture.ts";

const folder = mkdtempSync(join(tmpdir(), "picture-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** One pixel of 8-bit colour, #e91e80. */
const PINK = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12N4KdcAAAN7AYgjS+XNAAAAAElFTkSuQmCC";

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

test("a PNG is decoded, in colour and in a palette", async () => {
  const pink = await readPicture(file("pink.png", Buffer.from(PINK, "base64")));
  expect(pink).toMatchObject({ width: 1, height: 1 });
  expect(pixelAt(pink, 0, 0)).toEqual([0xe9, 0x1e, 0x80]);
  const indexed = await readPicture(file("splash.png", await splash("os")));
  expect(indexed).toMatchObject({ width: 1280, height: 720 });
  expect(indexed.pixels.length).toBe(1280 * 720 * 3);
  expect(pixelAt(indexed, 0, 0)).toEqual([0, 0, 0]);
});

test("what is no PNG, or one cut off, is refused", async () => {
  const none = file("none.png", Buffer.from("P6\n"));
  await expect(readPicture(none)).rejects.toThrow("none.png cannot be decoded");
  const cut = file("cut.png", Buffer.from(PINK, "base64").subarray(0, 50));
  await expect(readPicture(cut)).rejects.toThrow("cut.png cannot be decoded");
});

/** A picture whose left half is black and whose right half is of one grey. */
function halves(width: number, height: number, grey: number): Picture {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    Math.floor(i / 3) % width < width / 2 ? 0 : grey,
  );
  return { width, height, pixels };
}

test("the size hardly counts, and what is shown does", () => {
  const one = halves(640, 360, 255);
  expect(difference(one, one)).toBe(0);
  expect(difference(one, halves(1280, 800, 255))).toBe(0);
  expect(difference(one, halves(640, 360, 0))).toBeCloseTo(0.5);
});

test("a page's letters stand alone on black", () => {
  const page = (...colours: number[][]) => ({
    width: colours.length,
    height: 1,
    pixels: new Uint8Array(colours.flat()),
  });
  const [black, ink, light] = [[0, 0, 0], [216, 220, 232], [244, 240, 232]]; // prettier-ignore
  expect(pageLetters(page(black, ink, black, ink))).toBe(0.5);
  expect(pageLetters(page(black, ink, light, ink))).toBe(0); // a splash's
  expect(pageLetters(page(black, black))).toBe(0);
});
