import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { backupGpt, checkBackupGpt, GPT_LENGTH, parseGpt } from "./gpt.ts";
import { WINDOW } from "../release/manifest.ts";
import { testBase } from "../testing/test-base.ts";
import { run } from "../testing/tools.ts";

const { image } = await testBase();
const folder = mkdtempSync(path.join(tmpdir(), "gpt-"));
writeFileSync(path.join(folder, "image"), image);
afterAll(() => rmSync(folder, { recursive: true }));
/** A partition's GUID as sgdisk says it. */
function guidSaid(number: number): string {
  const said = run("sgdisk", `--info=${number}`, path.join(folder, "image"));
  return /Partition unique GUID: (\S+)/.exec(said)![1]!.toLowerCase();
}
const copy = () => ({ head: image.slice(0, GPT_LENGTH), tail: image.slice(-1024 * 1024) });

test("reads what sgdisk wrote", async () => {
  const { head, tail } = copy();
  expect(await parseGpt(head, image.length)).toEqual([
    { number: 1, guid: guidSaid(1), label: "ESP", start: WINDOW, length: 3 * WINDOW },
    { number: 2, guid: guidSaid(2), label: "FEDAC-PIECE", start: 4 * WINDOW, length: 2 * WINDOW },
  ]);
  await checkBackupGpt(tail, image.length);
});

test.each([
  ["the signature", 512, /no partition table/],
  ["the header", 512 + 0x40, /header does not match its checksum/],
  ["an entry", 1024 + 130, /entries do not match their checksum/],
])("one wrong bit in %s is noticed", async (_, at, message) => {
  const { head } = copy();
  head[at]! ^= 1;
  await expect(parseGpt(head, image.length)).rejects.toThrow(message);
});

test.each([
  ["the backup header", -512 + 0x40, /header does not match its checksum/],
  ["a backup entry", -512 - 128 * 128 + 130, /backup partition entries do not match/],
])("one wrong bit in %s is noticed", async (_, at, message) => {
  const { tail } = copy();
  tail[tail.length + at]! ^= 1;
  await expect(checkBackupGpt(tail, image.length)).rejects.toThrow(message);
});

test("a table for a disk of another size is refused", async () => {
  const { head, tail } = copy();
  await expect(parseGpt(head, image.length + 512)).rejects.toThrow(/another size/);
  await expect(checkBackupGpt(tail, image.length + 512)).rejects.toThrow(/another size/);
});

test.each([0, 511, 512, 600])("%i bytes are no table", async (length) => {
  await expect(parseGpt(image.slice(0, length), image.length)).rejects.toThrow(RangeError);
});

test("the backup table that sgdisk wrote follows from the primary one", async () => {
  const { head, tail } = copy();
  expect(await backupGpt(head, image.length, tail.length)).toEqual(tail);
  await expect(backupGpt(head, image.length, 16_384)).rejects.toThrow(/no room/);
});
