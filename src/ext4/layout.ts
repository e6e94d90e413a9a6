/** Consecutive blocks: the first and how many. */
export interface Run {
  readonly start: number;
  readonly count: number;
}

/** Metadata whose place follows from the size of the file system alone. */
export interface FixedMetadata extends Run {
  readonly what: "superblock" | "blockBitmap" | "inodeBitmap" | "inodeTable";
  /** The block group it belongs to. */
  readonly group: number;
}

/** Where a group's bitmaps and inode table are. */
export interface GroupPlaces {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
}

/** An empty file system. Counts and places are in blocks unless they say otherwise. */
export interface Layout {
  readonly blockSize: number;
  readonly blocks: number;
  /** `s_first_data_block`: 1 with blocks of 1 KiB, since block 0 holds the boot sector alone; otherwise 0. */
  readonly firstBlock: number;
  readonly blocksPerGroup: number;
  readonly groups: readonly GroupPlaces[];
  readonly inodesPerGroup: number;
  /** Blocks of one group's inode table. */
  readonly inodeTableBlocks: number;
  /** Blocks of the group descriptors, which follow every superblock. */
  readonly descriptorBlocks: number;
  /** 0 when there is no room for the smallest journal that the kernel takes. */
  readonly journalBlocks: number;
  /** Ascending. */
  readonly fixedMetadata: readonly FixedMetadata[];
}

/** `s_inode_size`, in bytes. */
export const INODE_SIZE = 256;
/** `s_desc_size`, in bytes: that of the feature 64bit. */
export const DESCRIPTOR_SIZE = 64;
/** `s_log_groups_per_flex`: the bitmaps and inode tables of 16 groups lie together. */
export const LOG_GROUPS_PER_FLEX = 4;
/** `s_first_ino`: the inodes below are the file system's own. */
export const FIRST_INODE = 11;
/** `EXT_INIT_MAX_LEN`: the blocks that one extent can cover. */
export const LONGEST_EXTENT = 32_768;
/** mke2fs drops a last group that has fewer blocks than this beyond its own metadata (`ext2fs_initialize`). */
const MIN_LAST_GROUP_BLOCKS = 50;

/**
 * The layout of `size` bytes in blocks of `blockSize`, with at least `inodes` inodes. Undefined when there is no room for
 * the metadata. The image's last bytes may belong to no block, and its last blocks to no group: like mke2fs, it drops a
 * last group that could hold hardly more than its own metadata.
 *
 * Unlike mke2fs, it never makes 1 KiB blocks one more than a whole number of groups: 7-Zip 26.02 counts groups without
 * regard to the block before the first group, and refuses such a file system.
 */
export function layOut(size: number, blockSize: number, inodes: number): Layout | undefined {
  const firstBlock = blockSize === 1024 ? 1 : 0;
  const blocksPerGroup = blockSize * 8; // one block of bits
  for (let blocks = Math.floor(size / blockSize); ;) {
    if (firstBlock === 1 && blocks % blocksPerGroup === 1) blocks--;
    const groupCount = Math.ceil((blocks - firstBlock) / blocksPerGroup);
    const inodesPerGroup = inodesPerGroupFor(inodes, groupCount, blockSize);
    const inodeTableBlocks = (inodesPerGroup * INODE_SIZE) / blockSize;
    const descriptorBlocks = Math.ceil((groupCount * DESCRIPTOR_SIZE) / blockSize);
    const own = 2 + inodeTableBlocks + (hasSuperblock(groupCount - 1) ? 1 + descriptorBlocks : 0);
    const last = (blocks - firstBlock) % blocksPerGroup;
    if (last > 0 && last < own + MIN_LAST_GROUP_BLOCKS && groupCount > 1) {
      blocks -= last;
      continue;
    }
    const lastGroup = last || blocksPerGroup;
    if (inodesPerGroup > blockSize * 8 || own > lastGroup) return undefined;
    const shape = { blockSize, blocks, firstBlock, blocksPerGroup, inodesPerGroup, inodeTableBlocks };
    const journalBlocks = journalBlocksFor(blocks);
    const fixed = placeFixedMetadata(shape, groupCount, descriptorBlocks);
    return fixed && { ...shape, descriptorBlocks, journalBlocks, ...fixed };
  }
}

/** Whether a group begins with a copy of the superblock (`sparse_super`): 0, 1 and the powers of 3, 5 and 7. */
export function hasSuperblock(group: number): boolean {
  if (group <= 1) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}

/** The number of a group's first block. */
export function firstBlockOf(layout: Pick<Layout, "firstBlock" | "blocksPerGroup">, group: number): number {
  return layout.firstBlock + group * layout.blocksPerGroup;
}

/** The blocks without fixed metadata, ascending. */
export function freeRuns({ firstBlock, blocks, fixedMetadata }: Layout): Run[] {
  const runs: Run[] = [];
  let at = firstBlock;
  for (const { start, count } of fixedMetadata) {
    if (start > at) runs.push({ start: at, count: start - at });
    at = start + count;
  }
  if (blocks > at) runs.push({ start: at, count: blocks - at });
  return runs;
}

/** As mke2fs does: as many as asked for, then more to fill the table's blocks, in all a multiple of eight. */
function inodesPerGroupFor(inodes: number, groupCount: number, blockSize: number): number {
  const perBlock = blockSize / INODE_SIZE;
  const enough = Math.max(Math.ceil(inodes / groupCount), Math.ceil((FIRST_INODE + 1) / groupCount));
  const filled = Math.max(Math.ceil(enough / perBlock) * perBlock, 8);
  // Like mke2fs, round down to a multiple of eight, unless that makes it too few.
  const rounded = filled - (filled % 8);
  return rounded >= enough ? rounded : rounded + 8;
}

/** mke2fs's default (`ext2fs_default_journal_size`). The kernel takes no journal of less than 1,024 blocks. */
function journalBlocksFor(blocks: number): number {
  const M = 1024 * 1024;
  const sizes = [
    [2048, 0],
    [32_768, 1024],
    [M / 4, 4096],
    [M / 2, 8192],
    [4 * M, 16_384],
    [8 * M, 32_768],
    [16 * M, 65_536],
    [32 * M, 131_072],
  ] as const;
  return sizes.find(([below]) => blocks < below)?.[1] ?? 262_144;
}

type Shape = Pick<Layout, "blocks" | "firstBlock" | "blocksPerGroup" | "inodeTableBlocks">;

/**
 * Superblocks with descriptors at the beginning of their groups, and the bitmaps and inode tables of each flex group at
 * the beginning of its first group. Undefined when they do not fit.
 */
function placeFixedMetadata(
  shape: Shape,
  groupCount: number,
  descriptorBlocks: number,
): Pick<Layout, "groups" | "fixedMetadata"> | undefined {
  const fixedMetadata: FixedMetadata[] = [];
  const groups: GroupPlaces[] = [];
  const headEnd = (group: number) =>
    firstBlockOf(shape, group) + (hasSuperblock(group) ? 1 + descriptorBlocks : 0);
  for (let group = 0; group < groupCount; group++) {
    if (!hasSuperblock(group)) continue;
    fixedMetadata.push({
      what: "superblock",
      group,
      start: firstBlockOf(shape, group),
      count: 1 + descriptorBlocks,
    });
  }

  const perFlex = 2 ** LOG_GROUPS_PER_FLEX;
  for (let flex = 0; flex < groupCount; flex += perFlex) {
    let at = headEnd(flex);
    /** Place metadata at the next consecutive blocks that no superblock is in. */
    const place = (what: FixedMetadata["what"], group: number, count: number): number => {
      const next = Math.floor((at - shape.firstBlock + count - 1) / shape.blocksPerGroup);
      if (at < headEnd(next) && at + count > firstBlockOf(shape, next) && hasSuperblock(next))
        at = headEnd(next);
      const start = at;
      fixedMetadata.push({ what, group, start, count });
      at += count;
      return start;
    };
    const members = Array.from({ length: Math.min(perFlex, groupCount - flex) }, (_, i) => flex + i);
    const blockBitmaps = members.map((group) => place("blockBitmap", group, 1));
    const inodeBitmaps = members.map((group) => place("inodeBitmap", group, 1));
    members.forEach((group, i) => {
      const inodeTable = place("inodeTable", group, shape.inodeTableBlocks);
      groups.push({ blockBitmap: blockBitmaps[i]!, inodeBitmap: inodeBitmaps[i]!, inodeTable });
    });
    if (at > shape.blocks) return undefined;
  }
  fixedMetadata.sort((a, b) => a.start - b.start);
  return { groups, fixedMetadata };
}
