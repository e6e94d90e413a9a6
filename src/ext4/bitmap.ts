import type { Bytes } from "./segment.ts";
import { crc32c } from "./crc32c.ts";
import { firstBlockOf, type Layout, type Run } from "./layout.ts";

/** A group's blocks, a bit each, 1 for used. Blocks beyond the end of the file system count as used. */
export function blockBitmap(layout: Layout, group: number, free: readonly Run[]): Bytes {
  const bitmap = new Uint8Array(layout.blockSize).fill(0xff);
  const first = firstBlockOf(layout, group);
  for (const { start, count } of free) fillBits(bitmap, start - first, count, false);
  return bitmap;
}

/** A group's inodes, a bit each, 1 for the first `used`, which are in use. Bits behind the last inode are 1. */
export function inodeBitmap({ blockSize, inodesPerGroup }: Layout, used: number): Bytes {
  const bitmap = new Uint8Array(blockSize);
  fillBits(bitmap, 0, used, true);
  return bitmap.fill(0xff, inodesPerGroup / 8);
}

/** The checksum of a bitmap's first `bits` bits, one for each block or inode of a group: a multiple of eight. */
export function bitmapChecksum(bitmap: Bytes, bits: number, seed: number): number {
  return crc32c(seed, bitmap, 0, bits / 8);
}

/** Set bits `start` to `start + count`. Bit 0 is the lowest of byte 0. */
function fillBits(bitmap: Bytes, start: number, count: number, value: boolean): void {
  const end = start + count;
  const firstWhole = Math.min(Math.ceil(start / 8) * 8, end);
  const lastWhole = Math.max(Math.floor(end / 8) * 8, firstWhole);
  for (let bit = start; bit < firstWhole; bit++) setBit(bitmap, bit, value);
  bitmap.fill(value ? 0xff : 0, firstWhole / 8, lastWhole / 8);
  for (let bit = lastWhole; bit < end; bit++) setBit(bitmap, bit, value);
}

function setBit(bitmap: Bytes, bit: number, value: boolean): void {
  const mask = 1 << (bit & 7);
  if (value) bitmap[bit >>> 3]! |= mask;
  else bitmap[bit >>> 3]! &= ~mask;
}
