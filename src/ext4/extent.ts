import type { Bytes } from "./segment.ts";
import { crc32c } from "./crc32c.ts";
import {
  EXTENT,
  EXTENT_HEADER,
  EXTENT_IDX,
  EXTENT_MAGIC,
  EXTENT_RECORD_SIZE,
  EXTENT_TAIL,
  EXTENT_TAIL_SIZE,
  INODE,
} from "./fields.ts";
import { LONGEST_EXTENT, type Run } from "./layout.ts";
import { Struct } from "./struct.ts";

/** Consecutive blocks of a file: block `logical` of the file and those after it are at `start`. */
export interface Extent extends Run {
  readonly logical: number;
}

/** Logical blocks have 32 bits: what a file has at most, holes counted (`EXT_MAX_BLOCKS`). */
export const MAX_FILE_BLOCKS = 2 ** 32 - 1;

/** A node of an extent tree: the inode's own (`block` 0) or a block. At depth 0 it holds extents, above it leads to nodes. */
export interface ExtentNode {
  readonly block: number;
  readonly depth: number;
  readonly entries: readonly Extent[];
}

/** How many entries fit into `i_block`, 60 bytes, behind the header. */
const MAX_IN_INODE = INODE.i_block.length / EXTENT_RECORD_SIZE - 1;

/** How many entries a block of the tree holds (`eh_max`), between the header and the checksum. */
function maxInBlock(blockSize: number): number {
  return Math.floor((blockSize - EXTENT_RECORD_SIZE - EXTENT_TAIL_SIZE) / EXTENT_RECORD_SIZE);
}

/** Runs of a file's blocks as extents of at most `LONGEST_EXTENT` blocks. */
export function extentsOf(runs: readonly Extent[]): Extent[] {
  const extents: Extent[] = [];
  for (const run of runs) {
    for (let done = 0; done < run.count; done += LONGEST_EXTENT) {
      const count = Math.min(LONGEST_EXTENT, run.count - done);
      extents.push({ logical: run.logical + done, start: run.start + done, count });
    }
  }
  return extents;
}

/** How many blocks the tree over this many extents needs, beside the root in the inode. */
export function treeBlocks(extents: number, blockSize: number): number {
  let blocks = 0;
  for (let level = extents; level > MAX_IN_INODE;) {
    level = Math.ceil(level / maxInBlock(blockSize));
    blocks += level;
  }
  return blocks;
}

/** The tree over `extents`: first the inode's own node, then one for each of `blocks`, of which `treeBlocks` says how many. */
export function extentTree(
  extents: readonly Extent[],
  blocks: readonly number[],
  blockSize: number,
): ExtentNode[] {
  if (extents.length <= MAX_IN_INODE) return [{ block: 0, depth: 0, entries: extents }];
  const nodes: ExtentNode[] = [];
  let level = extents;
  let depth = 0;
  for (let used = 0; level.length > MAX_IN_INODE; depth++) {
    const above: Extent[] = [];
    for (let i = 0; i < level.length; i += maxInBlock(blockSize)) {
      const entries = level.slice(i, i + maxInBlock(blockSize));
      const block = blocks[used++]!;
      nodes.push({ block, depth, entries });
      above.push({ logical: entries[0]!.logical, start: block, count: 0 });
    }
    level = above;
  }
  return [{ block: 0, depth, entries: level }, ...nodes];
}

/** `i_block` of an inode that uses extents, 60 bytes. */
export function extentRoot(node: ExtentNode): Bytes {
  const s = new Struct(INODE.i_block.length);
  writeExtentRoot(s, 0, node);
  return s.bytes;
}

/** The same, into a structure: `i_block` begins at `offset`. */
export function writeExtentRoot(s: Struct, offset: number, node: ExtentNode): void {
  writeNode(s, offset, node, MAX_IN_INODE);
}

/** A block of an extent tree. `seed` is the inode's. */
export function extentBlock(node: ExtentNode, blockSize: number, seed: number): Bytes {
  const s = new Struct(blockSize);
  const max = maxInBlock(blockSize);
  writeNode(s, 0, node, max);
  const tail = extentTailOffset(max);
  s.set(EXTENT_TAIL.et_checksum, crc32c(seed, s.bytes, 0, tail), tail);
  return s.bytes;
}

/** Where a node has its `struct ext4_extent_tail`: behind the last of the `max` entries that would fit. */
export function extentTailOffset(max: number): number {
  return EXTENT_RECORD_SIZE + EXTENT_RECORD_SIZE * max;
}

function writeNode(s: Struct, start: number, { depth, entries }: ExtentNode, max: number): void {
  s.set(EXTENT_HEADER.eh_magic, EXTENT_MAGIC, start);
  s.set(EXTENT_HEADER.eh_entries, entries.length, start);
  s.set(EXTENT_HEADER.eh_max, max, start);
  s.set(EXTENT_HEADER.eh_depth, depth, start); // eh_generation stays zero: nothing reads it
  entries.forEach((entry, i) => {
    const at = start + EXTENT_RECORD_SIZE * (1 + i);
    if (depth === 0) {
      s.set(EXTENT.ee_block, entry.logical, at);
      s.set(EXTENT.ee_len, entry.count, at); // more than 32,768 would say "unwritten"
      s.setSplit(EXTENT.ee_start_lo, EXTENT.ee_start_hi, entry.start, at);
    } else {
      s.set(EXTENT_IDX.ei_block, entry.logical, at);
      s.setSplit(EXTENT_IDX.ei_leaf_lo, EXTENT_IDX.ei_leaf_hi, entry.start, at); // ei_unused stays zero
    }
  });
}
