import {
  closeSync,
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
import { afterAll, beforeAll, expect, test } from "vitest";
import { GPT_LENGTH } from "../../../src/image/gpt.ts";
import { run } from "../../../src/testing/tools.ts";
import { hybrid } from "./hybrid.ts";
import { hybridMbr } from "./mbr.ts";

// An image without anything for a BIOS, which a Raspberry Pi starts. With a BIOS: iso.test.ts, bios.test.ts, base/qemu.

const MIB = 1024 * 1024;
const SIZE = 80 * MIB;
const ESP = { start: 4 * MIB, length: 64 * MIB };
const [FIRST, SECTORS] = [ESP.start / 512, ESP.length / 512];

const folder = mkdtempSync(join(tmpdir(), "hybrid-"));
const path = join(folder, "disk.img");
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  writeFileSync(path, "");
  truncateSync(path, SIZE);
  run("sgdisk", "--set-alignment=1", `--new=1:${FIRST}:${FIRST + SECTORS - 1}`, "--typecode=1:EF00", path);
  const head = new Uint8Array(readFileSync(path).subarray(0, GPT_LENGTH));
  const text = (words: string) => new TextEncoder().encode(words);
  const of = { grubPrefix: "/EFI/debian", grubConfig: text("boot\n"), readme: text("hello\r\n") };
  const file = openSync(path, "r+");
  for (const { start, bytes } of await hybrid({ head, size: SIZE, time: 0, ...of })) {
    writeSync(file, bytes, 0, bytes.length, start);
  }
  closeSync(file);
});

test("the older table has the ESP as FAT32, and the protective partition ahead of it", () => {
  const said = run("xorriso", "-no_rc", "-indev", path, "-report_system_area", "plain");
  const partitions = [...said.matchAll(/^MBR partition +: +(.*)$/gm)].map(([, row = ""]) => row.split(/ +/));
  expect(partitions).toEqual([
    ["1", "0x00", "0x0c", `${FIRST}`, `${SECTORS}`],
    ["2", "0x00", "0xee", "1", `${FIRST - 1}`],
  ]);
});

test("partition tools still take the disk for one with a GPT", () => {
  expect(run("sgdisk", "--verify", path)).toMatch(/^No problems found/m);
  expect(run("parted", "--script", path, "print")).toMatch(/Partition Table: gpt/);
});

test("as a disc it has the ESP for UEFI to start, and nothing else", () => {
  const said = run("xorriso", "-no_rc", "-indev", path, "-report_el_torito", "plain");
  const images = [...said.matchAll(/^El Torito boot img : +(.*)$/gm)].map(([, row = ""]) => row.split(/ +/));
  expect(images).toEqual([["1", "UEFI", "y", "none", "0x0000", "0x00", expect.anything(), "2048"]]);
});

test("a record that has another partition already is refused", () => {
  const mbr = new Uint8Array(512);
  mbr[0x1be + 16 + 4] = 0x0c;
  expect(() => hybridMbr(mbr, ESP)).toThrow("more than the protective partition");
});
