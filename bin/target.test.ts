import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { SaveError } from "../src/errors.ts";
import { pattern } from "../src/testing/bytes.ts";
import { sha256Of } from "../src/testing/test-base.ts";
import { CHUNK, openTarget, readBack, type Target, writeOver } from "./target.ts";

const root = mkdtempSync(path.join(tmpdir(), "os-target-"));
afterAll(() => rmSync(root, { recursive: true }));
const file = path.join(root, "disk.img");
const before = pattern(3 * CHUNK, 7);
const bytes = pattern(2 * CHUNK + 1024, 3);
const read = async (start: number, length: number) => bytes.slice(start, start + length);
const head = 5000;
const place = { start: 4096, length: bytes.length, head };
let target: Target;
beforeEach(async () => {
  writeFileSync(file, before);
  target = await openTarget(file, { removableOnly: true });
  return () => target.handle.close();
});

test("the head is zeros until all else is there", async () => {
  const seen: boolean[] = [];
  const headNow = () => readFileSync(file).subarray(place.start, place.start + head);
  await writeOver(target, place, read, () => seen.push(headNow().every((byte) => byte === 0)));
  expect(seen).toEqual([true, true, false]);
  const after = readFileSync(file);
  expect(after.subarray(place.start, place.start + bytes.length).equals(bytes)).toBe(true);
  expect(after.subarray(0, place.start).equals(before.subarray(0, place.start))).toBe(true);
  const end = place.start + bytes.length;
  expect(after.subarray(end).equals(before.subarray(end))).toBe(true);
});

test("what cannot be read leaves no head; what cannot be read at first changes nothing", async () => {
  const failing = (from: number) => async (start: number, length: number) => {
    if (start >= from) throw new RangeError("the file ends");
    return await read(start, length);
  };
  await expect(writeOver(target, place, failing(0), () => {})).rejects.toThrow("the file ends");
  expect(readFileSync(file).equals(before)).toBe(true);
  await expect(writeOver(target, place, failing(2 * CHUNK), () => {})).rejects.toThrow("the file ends");
  expect(
    readFileSync(file)
      .subarray(place.start, place.start + head)
      .every((byte) => byte === 0),
  ).toBe(true);
});

test("a disk that gives back something else is noticed, wherever it does", async () => {
  const digests = await writeOver(target, place, read, () => {});
  const found = await readBack(target, place, digests, () => {});
  expect(found.sha256).toBe(sha256Of(bytes));
  const written = readFileSync(file);
  for (const at of [0, CHUNK - 1, CHUNK, bytes.length - 1]) {
    const wrong = Buffer.from(written);
    wrong[place.start + at]! ^= 1;
    writeFileSync(file, wrong);
    const error = await readBack(target, place, digests, () => {}).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SaveError);
    const from = place.start + Math.floor(at / CHUNK) * CHUNK;
    expect((error as Error).message).toContain(`does not keep what is written to it: from byte ${from} on`);
  }
  writeFileSync(file, written.subarray(0, place.start + CHUNK));
  await expect(readBack(target, place, digests, () => {})).rejects.toThrow(
    /What was written cannot be read back: .* ends before byte/,
  );
});
