import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { difference, type Picture, readPicture } from "./picture.ts";

const folder = mkdtempSync(join(tmpdir(), "picture-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A PNG of 2 by 5 pixels whose rows go through the filters 0 to 4, as the data says; checksums are not looked at. */
function png(channels: 3 | 4, rows: readonly number[][]): string {
  const chunk = (type: string, data: Uint8Array) => {
    const bytes = Buffer.alloc(12 + data.length);
    bytes.writeUInt32BE(data.length, 0);
    bytes.write(type, 4, "latin1");
    bytes.set(data, 8);
    return bytes;
  };
  const head = Uint8Array.of(0, 0, 0, 2, 0, 0, 0, rows.length, 8, channels === 3 ? 2 : 6, 0, 0, 0);
  const data = deflateSync(Uint8Array.from(rows.flat()));
  const path = join(folder, "a.png");
  const half = data.length >> 1; // a picture's data may come in several chunks
  const chunks = [
    chunk("IHDR", head),
    chunk("IDAT", data.subarray(0, half)),
    chunk("IDAT", data.subarray(half)),
  ];
  writeFileSync(path, Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...chunks]));
  return path;
}

test("a PNG's filters are undone", async () => {
  const path = png(3, [
    [0, 10, 20, 30, 40, 50, 60],
    [1, 10, 20, 30, 30, 30, 30], // to the left
    [2, 1, 1, 1, 255, 255, 255], // above, round the end of a byte
    [3, 6, 11, 16, 20, 20, 20], // half of both
    [4, 1, 0, 0, 0, 0, 1], // the likeliest of three
  ]);
  const { width, height, pixels } = await readPicture(path);
  expect([width, height]).toEqual([2, 5]);
  const rows = [
    [10, 20, 30, 40, 50, 60],
    [10, 20, 30, 40, 50, 60],
    [11, 21, 31, 39, 49, 59],
    [11, 21, 31, 45, 55, 65],
    [12, 21, 31, 45, 55, 66],
  ];
  expect([...pixels]).toEqual(rows.flat());
});

test("transparency is left out", async () => {
  const { pixels } = await readPicture(png(4, [[0, 1, 2, 3, 255, 4, 5, 6, 0]]));
  expect([...pixels]).toEqual([1, 2, 3, 4, 5, 6]);
});

test("what is no PNG, or one cut off, is refused", async () => {
  const path = join(folder, "b.png");
  writeFileSync(path, "P6\n");
  await expect(readPicture(path)).rejects.toThrow("is no PNG");
  await expect(readPicture(png(3, [[0, 1, 2, 3]]))).rejects.toThrow("not as long");
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
