import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { testBase } from "../testing/test-base.ts";
import { FOREIGN_HEAD, foreignKind } from "./foreign.ts";

const { image } = await testBase();
const head = image.slice(0, FOREIGN_HEAD);

/** A file of zeros but for these bytes at `at`. */
function holding(at: number, ...bytes: number[]) {
  const file = new Uint8Array(FOREIGN_HEAD);
  file.set(bytes, at);
  return file;
}

test.each([
  ["nothing", new Uint8Array(0), /is empty/],
  ["gzip", new Uint8Array(gzipSync(head)), /compressed \(gzip\): unpack it first \(gunzip\)/],
  ["zip", holding(0, 0x50, 0x4b, 3, 4), /compressed \(zip\)/],
  ["xz", holding(0, 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), /compressed \(xz\)/],
  ["ext4", holding(0x438, 0x53, 0xef), /a file system alone/],
  ["a disc", holding(32_769, ...Buffer.from("CD001")), /the image of another disc/],
  ["MBR partitions", holding(510, 0x55, 0xaa), /partitions or a file system of another kind/],
])("%s is told apart", (_, bytes, words) => {
  expect(foreignKind(bytes)).toMatch(words);
});

test("an image of ours, and one whose partition table is gone, are left to be read", () => {
  expect(foreignKind(head)).toBeUndefined();
  expect(foreignKind(pattern(FOREIGN_HEAD, 5))).toBeUndefined();
  expect(foreignKind(pattern(3, 5))).toBeUndefined();
});
