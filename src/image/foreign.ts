import type { Bytes } from "../bytes/segment.ts";
import { SECTOR } from "./gpt.ts";

/** How much of a file's start tells what it is, in bytes: an ISO 9660 disc says so after 16 sectors of 2 KiB. */
export const FOREIGN_HEAD = 64 * 1024;

/** What compressed files begin with, and what undoes it. */
const COMPRESSED: readonly (readonly [string, string, readonly number[]])[] = [
  ["gzip", "gunzip", [0x1f, 0x8b]],
  ["zip", "unzip", [0x50, 0x4b, 0x03, 0x04]],
  ["xz", "unxz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", "unzstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", "bunzip2", [0x42, 0x5a, 0x68]],
  ["7z", "7z x", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
];

/**
 * What a file is that is no image of ours, by its first `FOREIGN_HEAD` bytes, as the rest of a sentence about it; undefined
 * when those do not tell.
 */
export function foreignKind(head: Bytes): string | undefined {
  if (head.length === 0) return "is empty";
  for (const [name, tool, magic] of COMPRESSED) {
    if (magic.every((byte, i) => head[i] === byte))
      return `is compressed (${name}): unpack it first (${tool})`;
  }
  if (textAt(head, SECTOR, 8) === "EFI PART") return undefined;
  // s_magic of an ext4 superblock
  if (head[0x438] === 0x53 && head[0x439] === 0xef) {
    return "is a file system alone, as a piece partition is: os put writes that to a stick which has an image of ours";
  }
  if (textAt(head, 32_769, 5) === "CD001") return "is the image of another disc";
  if (head[510] !== 0x55 || head[511] !== 0xaa) return undefined;
  return "is a disk image with partitions or a file system of another kind";
}

function textAt(bytes: Bytes, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}
