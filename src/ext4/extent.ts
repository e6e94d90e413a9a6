import type { Bytes } from "./segment.ts";
import { crc32c } from "./crc32c.ts";
import { LONGEST_EXTENT, type Run } from "./layout.ts";
import { high32, low32, Struct } from "./struct.ts";

/** Blocks of a file that lie in a row: from block `logical` of the file on, at `start`. */
export interface Extent extends Run {
  readonly logical: number;
}

/** A node of an extent tree: the inode's own (`block` 0) or a block. Depth 0 holds extents, others lead to nodes. */
export interface ExtentNode {
  readonly block: number;
  readonly depth: number;
  readonly entries: readonly Extent[];
}

const MAGIC = 0xf30a;
/** `struct ext4_extent_header`, `struct ext4_extent` and `struct ext4_extent_idx` have twelve bytes each. */
const RECORD = 12;
/** What fits into `i_block`, 60 bytes. */
const IN_INODE = 4;

/** How many extents, or nodes, a block of the tree holds (`eh_max`), the checksum behind them. */
function inBlock(blockSize: number): number {
  return Math.floor((blockSize - RECORD - 4) / RECORD);
}

/** Runs of blocks as extents, none longer than one extent can say. */
export function extentsOf(runs: readonly Run[]): Extent[] {
  const extents: Extent[] = [];
  let logical = 0;
  for (const run of runs) {
    for (let done = 0; done < run.count; done += LONGEST_EXTENT) {
      const count = Math.min(LONGEST_EXTENT, run.count - done);
      extents.push({ logical, start: run.start + done, count });
      logical += count;
    }
  }
  return extents;
}

/** How many blocks of their own the tree of so many extents needs. */
export function treeBlocks(extents: number, blockSize: number): number {
  let blocks = 0;
  for (let level = extents; level > IN_INODE;) {
    level = Math.ceil(level / inBlock(blockSize));
    blocks += level;
  }
  return blocks;
}

/** The tree over `extents`: first the inode's own node, then one for each of the `blocks` that `treeBlocks` asked for. */
export function extentTree(
  extents: readonly Extent[],
  blocks: readonly number[],
  blockSize: number,
): ExtentNode[] {
  if (extents.length <= IN_INODE) return [{ block: 0, depth: 0, entries: extents }];
  const nodes: ExtentNode[] = [];
  let level = extents;
  let depth = 0;
  for (let used = 0; level.length > IN_INODE; depth++) {
    const above: Extent[] = [];
    for (let i = 0; i < level.length; i += inBlock(blockSize)) {
      const entries = level.slice(i, i + inBlock(blockSize));
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
  const s = new Struct(60);
  writeExtentRoot(s, 0, node);
  return s.bytes;
}

/** The same, at `offset` of a structure. */
export function writeExtentRoot(s: Struct, offset: number, node: ExtentNode): void {
  writeNode(s, offset, node, IN_INODE);
}

/** A block of an extent tree. `seed` is the inode's. */
export function extentBlock(node: ExtentNode, blockSize: number, seed: number): Bytes {
  const s = new Struct(blockSize);
  const most = inBlock(blockSize);
  writeNode(s, 0, node, most);
  const tail = RECORD + RECORD * most; // struct ext4_extent_tail: right behind the last that would fit
  s.u32(tail, crc32c(seed, s.bytes, 0, tail)); // et_checksum
  return s.bytes;
}

function writeNode(s: Struct, offset: number, { depth, entries }: ExtentNode, most: number): void {
  s.u16(offset, MAGIC); // eh_magic
  s.u16(offset + 0x02, entries.length); // eh_entries
  s.u16(offset + 0x04, most); // eh_max
  s.u16(offset + 0x06, depth); // eh_depth; eh_generation stays zero: nothing reads it
  entries.forEach(({ logical, start, count }, i) => {
    const at = offset + RECORD + RECORD * i;
    s.u32(at, logical); // ee_block, ei_block
    if (depth === 0) {
      s.u16(at + 0x04, count); // ee_len: more than 32,768 would say "unwritten"
      s.u16(at + 0x06, high32(start)); // ee_start_hi
      s.u32(at + 0x08, low32(start)); // ee_start_lo
    } else {
      s.u32(at + 0x04, low32(start)); // ei_leaf_lo
      s.u16(at + 0x08, high32(start)); // ei_leaf_hi; ei_unused stays zero
    }
  });
}
