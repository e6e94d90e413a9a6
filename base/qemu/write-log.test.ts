import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Random } from "../../src/testing/fuzz/mutate.ts";
import { cutPower, readWriteLog } from "./write-log.ts";

// A log as the kernel's documentation of dm-log-writes describes it, made by hand.

const SECTOR = 512;
const FLUSH = 1;
const FUA = 2;
const DISCARD = 4;
const folder = mkdtempSync(join(tmpdir(), "write-log-"));
afterAll(() => rmSync(folder, { recursive: true }));
const before = join(folder, "before");
writeFileSync(before, new Uint8Array(8 * SECTOR));

/** A log of writes: where each begins, the byte that each of its sectors is full of, and its flags. */
function logOf(...entries: readonly (readonly [start: number, sectors: readonly number[], flags: number])[]) {
  const sector = (...fields: readonly number[]) => {
    const bytes = Buffer.alloc(SECTOR);
    for (const [i, field] of fields.entries()) bytes.writeBigUInt64LE(BigInt(field), i * 8);
    return bytes;
  };
  const head = sector(0, 1, 0, SECTOR);
  head.writeBigUInt64LE(0x6a736677736872n, 0);
  const parts = entries.flatMap(([start, sectors, flags]) => [
    sector(start, sectors.length, flags, 0),
    ...sectors.map((byte) => Buffer.alloc(SECTOR, byte)),
  ]);
  const file = join(folder, "log");
  writeFileSync(file, Buffer.concat([head, ...parts, Buffer.alloc(4 * SECTOR)]));
  return file;
}

/** What each sector is full of after `count` cuts, as text, and how often. */
function cuts(log: string, cache: number, count = 150): Map<string, number> {
  const image = join(folder, "image");
  const writes = readWriteLog(log);
  const seen = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    cutPower({ before, log, writes, cache }, image, new Random("write-log", 1, i));
    const disk = readFileSync(image);
    const state = Array.from({ length: 8 }, (_, at) => disk[at * SECTOR]).join("");
    for (let at = 0; at < 8; at++) {
      expect(disk.subarray(at * SECTOR, (at + 1) * SECTOR).every((byte) => byte === disk[at * SECTOR])).toBe(
        true,
      );
    }
    seen.set(state, (seen.get(state) ?? 0) + 1);
  }
  return seen;
}

test("a log is read to the end of what was written", () => {
  const writes = readWriteLog(logOf([2, [1, 1], 0], [0, [], FLUSH], [5, [2], FUA]));
  expect(writes).toEqual([
    { start: 2, length: 2, at: 2 * SECTOR, flush: false, through: false },
    { start: 0, length: 0, at: 5 * SECTOR, flush: true, through: false },
    { start: 5, length: 1, at: 6 * SECTOR, flush: false, through: true },
  ]);
});

test("what is no log, and what is discarded, is refused", () => {
  expect(() => readWriteLog(before)).toThrow(/is no log of writes/);
  expect(() => readWriteLog(logOf([2, [1], DISCARD]))).toThrow("1 sectors from 2 on were discarded");
});

test("before a flush anything may be missing, torn and out of order; after it, nothing", () => {
  const seen = cuts(logOf([0, [1, 1], 0], [1, [2], 0], [0, [], FLUSH], [4, [3], 0]), 1 << 20);
  expect([...seen.keys()].sort()).toEqual([
    "00000000",
    "01000000",
    "02000000",
    "10000000",
    "11000000",
    "12000000",
    "12003000",
  ]);
});

test("a disk that is never told to flush loses what its memory holds, and no more", () => {
  const seen = cuts(logOf([0, [1], 0], [1, [2], 0], [2, [3], 0]), SECTOR);
  expect([...seen.keys()].sort()).toEqual(["00000000", "10000000", "12000000", "12300000"]);
});
