import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import type { Bytes } from "../../src/bytes/segment.ts";
import { type Copy, LEAST_COPIED, parseCopies } from "../../src/release/copies.ts";
import { joined, pattern } from "../../src/testing/bytes.ts";
import { copyList } from "./copies.ts";

const folder = mkdtempSync(join(tmpdir(), "copies-"));
afterAll(() => rmSync(folder, { recursive: true }));
const MIB = 2 ** 20;

/** The list from `older` to `newer`, of which each copy is what it says. */
async function copiesOf(older: Bytes, newer: Bytes): Promise<{ copies: Copy[]; left: number }> {
  const [from, to] = [join(folder, "older"), join(folder, "newer")];
  writeFileSync(from, older);
  writeFileSync(to, newer);
  const { packed, left } = await copyList(from, to);
  const unpacked = new Uint8Array(gunzipSync(packed));
  const copies = parseCopies(unpacked, { size: newer.length, olderSize: older.length });
  for (const { start, from: place, length } of copies) {
    const same = Buffer.compare(newer.subarray(start, start + length), older.subarray(place, place + length));
    expect(same, `${length} bytes at ${start}`).toBe(0);
  }
  expect(left).toBe(newer.length - copies.reduce((sum, { length }) => sum + length, 0));
  return { copies, left };
}

const parts = Array.from({ length: 6 }, (_, i) => pattern(MIB + 1000 * i + 1, i + 1));

test("parts that have moved are found, to the byte", async () => {
  const [a, b, c, d, e, f] = parts as [Bytes, Bytes, Bytes, Bytes, Bytes, Bytes];
  const { copies, left } = await copiesOf(joined([a, b, c, d]), joined([e, c, a, f, b]));
  expect(copies).toEqual([
    { start: e.length, from: a.length + b.length, length: c.length },
    { start: e.length + c.length, from: 0, length: a.length },
    { start: e.length + c.length + a.length + f.length, from: a.length, length: b.length },
  ]);
  expect(left).toBe(e.length + f.length);
});

test.each([
  ["nothing has changed", 0, 1],
  ["a byte has changed", 1, 2],
])("where %s, all else is one copy", async (_, changed, count) => {
  const older = joined(parts);
  const newer = older.slice();
  if (changed) newer[3 * MIB]! ^= 1;
  const { copies, left } = await copiesOf(older, newer);
  expect([copies.length, left]).toEqual([count, changed]);
});

test("zeros, the least that is worth it, and images that have nothing in common or nothing at all", async () => {
  const zeros = new Uint8Array(3 * MIB);
  expect((await copiesOf(joined([parts[0]!, zeros]), joined([zeros, parts[1]!]))).left).toBe(
    parts[1]!.length,
  );
  const [older, other] = [joined(parts.slice(0, 2)), parts[3]!];
  const withSome = (length: number) => joined([other, older.subarray(MIB / 2, MIB / 2 + length), other]);
  expect((await copiesOf(older, withSome(LEAST_COPIED - 1))).copies).toEqual([]);
  expect((await copiesOf(parts[0]!, parts[1]!)).copies).toEqual([]);
  expect((await copiesOf(new Uint8Array(0), parts[1]!)).copies).toEqual([]);
});

test("the same images give the same list", async () => {
  const [older, newer] = [joined(parts), joined(parts.toReversed())];
  const paths = [join(folder, "older"), join(folder, "newer")] as const;
  writeFileSync(paths[0], older);
  writeFileSync(paths[1], newer);
  const lists = [await copyList(...paths), await copyList(...paths)];
  expect(lists[0]!.packed.equals(lists[1]!.packed)).toBe(true);
  expect(readFileSync(paths[1]).equals(newer)).toBe(true);
});
