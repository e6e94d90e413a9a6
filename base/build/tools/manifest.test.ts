import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { WINDOW } from "../../../src/release/manifest.ts";
import { resume } from "../../../src/bytes/sha256.ts";
import { digestOfWindow, sha256Of } from "../../../src/testing/test-base.ts";
import { run } from "../../../src/testing/tools.ts";
import { describe as describeImage } from "./manifest.ts";

const MIB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "manifest-"));
const fresh = join(folder, "fresh.img");
const path = join(folder, "disk.img");
const named = {
  flavor: "tiny",
  arch: "aarch64",
  version: "2026.11.23",
  time: 1795392000,
  url: "disk.img",
  files: [],
};
const PIECE = { start: 2 * WINDOW, length: 2 * WINDOW };
const SIZE = PIECE.start + PIECE.length + MIB;

/** As sgdisk wants it: first and last sector. */
const sectors = (start: number, end: number) => `${start / 512}:${end / 512 - 1}`;

function put(start: number, text: string) {
  const file = openSync(path, "r+");
  writeSync(file, text, start);
  closeSync(file);
}

/** A disk of four windows and 1 MiB: tables, a partition with something in it, an empty FEDAC-PIECE. */
beforeAll(() => {
  writeFileSync(fresh, "");
  truncateSync(fresh, SIZE);
  const first = `--new=1:${sectors(WINDOW, 2 * WINDOW)}`;
  const second = `--new=2:${sectors(PIECE.start, PIECE.start + PIECE.length)}`;
  run("sgdisk", "--set-alignment=1", first, second, "--change-name=2:FEDAC-PIECE", fresh);
});
beforeEach(() => {
  copyFileSync(fresh, path);
  put(WINDOW + 12345, "system");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("says of each window what it holds", async () => {
  const image = readFileSync(path);
  const { digests, ...manifest } = await describeImage(path, named);
  expect(digests).toEqual([
    digestOfWindow(image.subarray(0, WINDOW)),
    digestOfWindow(image.subarray(WINDOW, 2 * WINDOW)),
    "zeros",
    "zeros",
    digestOfWindow(image.subarray(4 * WINDOW)),
  ]);
  expect(manifest).toMatchObject({
    arch: "aarch64",
    created: "2026-11-23T00:00:00.000Z",
    image: { url: "disk.img", size: SIZE, sha256: sha256Of(image) },
    piecePartition: { ...PIECE, label: "FEDAC-PIECE" },
  });
});

test("its SHA-256 state leads to the digest of any image with another piece", async () => {
  const { words, length } = (await describeImage(path, named)).sha256State;
  put(PIECE.start + 4321, "piece");
  const image = readFileSync(path);
  const hasher = await resume(words, length);
  expect(hasher.update(image.subarray(length)).digest("hex")).toBe(sha256Of(image));
});

test("the files that it is told of lie where they are said to, or there is no manifest", async () => {
  const files = [
    { path: "/system", start: WINDOW + 12345, length: 6, sha256: sha256Of(Buffer.from("system")) },
  ];
  expect((await describeImage(path, { ...named, files })).files).toEqual(files);
  const elsewhere = { ...named, files: [{ ...files[0]!, start: WINDOW + 12344 }] };
  await expect(describeImage(path, elsewhere)).rejects.toThrow(
    "/system does not lie at 4206648 in the image",
  );
});

test("refuses an image whose piece partition is not empty", async () => {
  put(PIECE.start + PIECE.length - 1, "x");
  await expect(describeImage(path, named)).rejects.toThrow("piece partition is not empty in the base image");
});

test("refuses an image with two piece partitions", async () => {
  run("sgdisk", "--set-alignment=1", "--change-name=1:FEDAC-PIECE", path);
  await expect(describeImage(path, named)).rejects.toThrow("2 partitions are called FEDAC-PIECE");
});

test("refuses an image that was cut off", async () => {
  truncateSync(path, SIZE - 4096);
  await expect(describeImage(path, named)).rejects.toThrow(RangeError);
});

test("refuses an image without its backup table", async () => {
  put(SIZE - 512, "EFI LOST");
  await expect(describeImage(path, named)).rejects.toThrow("no backup partition table");
});
