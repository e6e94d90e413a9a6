import type { Bytes } from "./segment.ts";
import { crc32c } from "./crc32c.ts";
import { FilesystemError } from "./error.ts";
import { extentTailOffset, MAX_FILE_BLOCKS, type Extent } from "./extent.ts";
import {
  BG_BLOCK_UNINIT,
  BG_INODE_UNINIT,
  DIR_ENTRY,
  DIR_ENTRY_HEADER_SIZE,
  DIR_ENTRY_TAIL,
  DIR_ENTRY_TAIL_SIZE,
  DX_COUNTLIMIT,
  DX_ENTRY_SIZE,
  DX_NODE_ENTRIES,
  DX_ROOT_ENTRIES,
  DX_TAIL,
  DX_TAIL_SIZE,
  EXTENT,
  EXTENT_HEADER,
  EXTENT_IDX,
  EXTENT_MAGIC,
  EXTENT_RECORD_SIZE,
  EXTENT_TAIL,
  EXTENT_TAIL_SIZE,
  EXTENTS_FL,
  GOOD_OLD_INODE_SIZE,
  GROUP_DESCRIPTOR,
  INODE,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
} from "./fields.ts";
import {
  EXTRA_ISIZE,
  FEATURE_COMPAT,
  FEATURE_INCOMPAT,
  FEATURE_RO_COMPAT,
  groupChecksum,
  HAS_JOURNAL,
  inodeSeed,
  superblockChecksum,
} from "./format.ts";
import { indexChecksum } from "./htree.ts";
import { DESCRIPTOR_SIZE, INODE_SIZE, LONGEST_EXTENT } from "./layout.ts";
import { Struct } from "./struct.ts";
import { decodeText } from "./text.ts";
import { nanosecondsSince1970 } from "./time.ts";
import { readXattrBody, type Xattr } from "./xattr.ts";

// The inverse of format.ts, extent.ts, directory.ts and htree.ts: from bytes to values. Each function first checks the
// checksum, then every number that something else depends on, and throws `FilesystemError`.

/** `EXT4_FEATURE_INCOMPAT_RECOVER`: mounted, and not unmounted. */
const INCOMPAT_RECOVER = 0x4;
/** `EXT4_MAX_EXTENT_DEPTH`. */
const MAX_EXTENT_DEPTH = 5;

/** What a reader needs of `struct ext4_super_block`. Sizes are in bytes, places and counts in blocks. */
export interface Superblock {
  readonly blockSize: number;
  readonly blocks: number;
  readonly firstBlock: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly groups: number;
  readonly uuid: Bytes;
  readonly label: string;
  /** Nanoseconds since 1970. */
  readonly made: bigint;
}

/** `bytes` are the 1,024 of a superblock. Throws `FilesystemError` unless it has the writer's features and is sane. */
export function parseSuperblock(bytes: Bytes): Superblock {
  const f = SUPERBLOCK;
  const s = new Struct(bytes);
  assertValid(s.get(f.s_magic) === SUPERBLOCK_MAGIC, "no ext4 file system: the magic number is missing");
  assertValid(s.get(f.s_checksum) === superblockChecksum(bytes), "the superblock's checksum is wrong");
  const incompat = s.get(f.s_feature_incompat);
  assertValid(
    (incompat & INCOMPAT_RECOVER) === 0,
    "the journal has to be replayed first: mount it once, or run e2fsck",
  );
  const known =
    (s.get(f.s_feature_compat) | HAS_JOURNAL) === FEATURE_COMPAT &&
    incompat === FEATURE_INCOMPAT &&
    s.get(f.s_feature_ro_compat) === FEATURE_RO_COMPAT;
  assertValid(known, "other features than this reader knows");
  const logBlockSize = s.get(f.s_log_block_size);
  assertValid(logBlockSize <= 2, `blocks of 2^${10 + logBlockSize} bytes`);
  const blockSize = 1024 * 2 ** logBlockSize;
  const blocks = s.get(f.s_blocks_count_lo);
  const firstBlock = s.get(f.s_first_data_block);
  const blocksPerGroup = s.get(f.s_blocks_per_group);
  const inodesPerGroup = s.get(f.s_inodes_per_group);
  const groups = Math.ceil((blocks - firstBlock) / blocksPerGroup);
  const sane =
    firstBlock === (blockSize === 1024 ? 1 : 0) &&
    blocksPerGroup === blockSize * 8 &&
    inodesPerGroup > 0 &&
    inodesPerGroup <= blockSize * 8 &&
    inodesPerGroup % 8 === 0 &&
    blocks > firstBlock &&
    s.get(f.s_blocks_count_hi) === 0 &&
    s.get(f.s_inodes_count) === inodesPerGroup * groups &&
    s.get(f.s_inode_size) === INODE_SIZE &&
    s.get(f.s_desc_size) === DESCRIPTOR_SIZE;
  assertValid(sane, "a superblock that contradicts itself");
  const label = s.getRaw(f.s_volume_name);
  const end = label.indexOf(0);
  return {
    blockSize,
    blocks,
    firstBlock,
    blocksPerGroup,
    inodesPerGroup,
    groups,
    freeBlocks: s.get(f.s_free_blocks_count_lo),
    freeInodes: s.get(f.s_free_inodes_count),
    uuid: s.getRaw(f.s_uuid),
    label: decodeText(end < 0 ? label : label.subarray(0, end)),
    made: BigInt(s.getSplit(f.s_mkfs_time, f.s_mkfs_time_hi)) * 1_000_000_000n,
  };
}

/** The block where a group's inode table begins, and its bitmaps with what their checksums should be. */
export interface Group {
  readonly inodeTable: number;
  readonly bitmaps: readonly { readonly block: number; readonly bits: number; readonly checksum: number }[];
}

/**
 * `bytes` are one `struct ext4_group_desc`. Bitmaps that were never written, as a flag says, are left out. Throws
 * `FilesystemError` when the checksum is wrong.
 */
export function parseGroup(bytes: Bytes, number: number, sb: Superblock, seed: number): Group {
  const f = GROUP_DESCRIPTOR;
  const s = new Struct(bytes.slice());
  const checksum = s.get(f.bg_checksum);
  s.set(f.bg_checksum, 0); // the checksum covers itself as zero
  assertValid(
    checksum === groupChecksum(s.bytes, number, seed),
    `the checksum of group descriptor ${number} is wrong`,
  );
  const flags = s.get(f.bg_flags);
  const bitmaps = [];
  if (!(flags & BG_BLOCK_UNINIT)) {
    bitmaps.push({
      block: s.getSplit(f.bg_block_bitmap_lo, f.bg_block_bitmap_hi),
      bits: sb.blocksPerGroup,
      checksum: s.getSplit(f.bg_block_bitmap_csum_lo, f.bg_block_bitmap_csum_hi),
    });
  }
  if (!(flags & BG_INODE_UNINIT)) {
    bitmaps.push({
      block: s.getSplit(f.bg_inode_bitmap_lo, f.bg_inode_bitmap_hi),
      bits: sb.inodesPerGroup,
      checksum: s.getSplit(f.bg_inode_bitmap_csum_lo, f.bg_inode_bitmap_csum_hi),
    });
  }
  return { inodeTable: s.getSplit(f.bg_inode_table_lo, f.bg_inode_table_hi), bitmaps };
}

/** What a reader needs of `struct ext4_inode`. */
export interface ParsedInode {
  readonly number: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly links: number;
  readonly flags: number;
  /** `i_block`. */
  readonly block: Bytes;
  /** The block of extended attributes, or 0. */
  readonly xattrBlock: number;
  /** The attributes in the inode itself. */
  readonly xattrs: readonly Xattr[];
  /** What the checksums of the inode's blocks begin with. The kernel gives the inodes it makes a generation. */
  readonly seed: number;
}

/** `bytes` are the 256 of an inode; `seed` is the file system's. Throws `FilesystemError` when it is damaged. */
export function parseInode(bytes: Bytes, number: number, seed: number): ParsedInode {
  const f = INODE;
  const s = new Struct(bytes.slice());
  const ownSeed = inodeSeed(seed, number, s.get(f.i_generation));
  const checksum = s.getSplit(f.l_i_checksum_lo, f.i_checksum_hi);
  s.setSplit(f.l_i_checksum_lo, f.i_checksum_hi, 0); // the checksum covers itself as zero
  assertValid(checksum === crc32c(ownSeed, s.bytes), `the checksum of inode ${number} is wrong`);
  const extraSize = s.get(f.i_extra_isize);
  assertValid(extraSize === EXTRA_ISIZE, `inode ${number} has ${extraSize} bytes of further fields`);
  const size = s.getSplit(f.i_size_lo, f.i_size_high);
  assertValid(Number.isSafeInteger(size), `inode ${number} has an impossible size`);
  const body = s.bytes.slice(GOOD_OLD_INODE_SIZE + EXTRA_ISIZE);
  return {
    number,
    mode: s.get(f.i_mode),
    uid: s.getSplit(f.i_uid, f.l_i_uid_high),
    gid: s.getSplit(f.i_gid, f.l_i_gid_high),
    size,
    mtime: nanosecondsSince1970(s.get(f.i_mtime), s.get(f.i_mtime_extra)),
    links: s.get(f.i_links_count),
    flags: s.get(f.i_flags),
    block: s.getRaw(f.i_block),
    xattrBlock: s.getSplit(f.i_file_acl_lo, f.l_i_file_acl_high),
    xattrs: body.some((byte) => byte !== 0) ? readXattrBody(body) : [],
    seed: ownSeed,
  };
}

/** An extent as it is read: unwritten ones are zeros whatever the disk has. */
export interface ParsedExtent extends Extent {
  readonly written: boolean;
}

/** Logical blocks of a file, `first` to before `end`, and where the node is that has their extents. */
export interface Subtree {
  readonly block: number;
  readonly depth: number;
  readonly first: number;
  readonly end: number;
}

/** A node of an extent tree: its extents, or, above depth 0, the nodes below. Both ascend by logical block. */
export interface ParsedExtents {
  readonly extents: readonly ParsedExtent[];
  readonly below: readonly Subtree[];
}

/**
 * A node of an extent tree. The root, which is in the inode, has no checksum of its own; for a block, `expected` has
 * what the node above says of it, and the inode's seed. Throws `FilesystemError` when it is damaged, and for whatever
 * is not above `expected.first`, below `expected.end` and in ascending order. As only an empty file's root may be
 * empty, no two places of a tree can lead to one node: a walk ends.
 */
export function parseExtents(bytes: Bytes, expected?: Subtree & { readonly seed: number }): ParsedExtents {
  const s = new Struct(bytes);
  const entries = s.get(EXTENT_HEADER.eh_entries);
  const max = s.get(EXTENT_HEADER.eh_max);
  const depth = s.get(EXTENT_HEADER.eh_depth);
  const tail = extentTailOffset(max);
  const length = tail + (expected ? EXTENT_TAIL_SIZE : 0);
  assertValid(s.get(EXTENT_HEADER.eh_magic) === EXTENT_MAGIC, "an extent tree without its magic number");
  assertValid(
    entries <= max && length <= bytes.length && depth <= MAX_EXTENT_DEPTH,
    "an impossible extent tree",
  );
  if (expected) {
    assertValid(
      s.get(EXTENT_TAIL.et_checksum, tail) === crc32c(expected.seed, bytes, 0, tail),
      "the checksum of an extent block is wrong",
    );
    assertValid(depth === expected.depth, "an extent tree of uneven depth");
  }
  assertValid(entries > 0 || (!expected && depth === 0), "an extent tree with an empty node");
  const { first, end } = expected ?? { first: 0, end: MAX_FILE_BLOCKS };
  const extents: ParsedExtent[] = [];
  const below: { block: number; depth: number; first: number; end: number }[] = [];
  let least = first; // the least logical block that may come next
  for (let i = 0; i < entries; i++) {
    const at = EXTENT_RECORD_SIZE * (1 + i);
    const logical = s.get(depth > 0 ? EXTENT_IDX.ei_block : EXTENT.ee_block, at);
    assertValid(logical >= least && logical < end, "an extent tree whose entries overlap or do not ascend");
    if (depth > 0) {
      const block = s.getSplit(EXTENT_IDX.ei_leaf_lo, EXTENT_IDX.ei_leaf_hi, at);
      const before = below.at(-1);
      if (before) before.end = logical;
      below.push({ block, depth: depth - 1, first: logical, end });
      least = logical + 1;
      continue;
    }
    const count = s.get(EXTENT.ee_len, at);
    const written = count <= LONGEST_EXTENT;
    const extent = {
      logical,
      count: written ? count : count - LONGEST_EXTENT,
      start: s.getSplit(EXTENT.ee_start_lo, EXTENT.ee_start_hi, at),
      written,
    };
    assertValid(extent.count > 0, "an extent of no blocks");
    least = logical + extent.count;
    assertValid(least <= end, "an extent tree whose entries overlap or do not ascend");
    extents.push(extent);
  }
  return { extents, below };
}

/** Whether an inode has an extent tree; a short symbolic link has none. */
export function hasExtents(inode: ParsedInode): boolean {
  return (inode.flags & EXTENTS_FL) !== 0;
}

/** A name in a directory. */
export interface ParsedName {
  readonly name: string;
  readonly inode: number;
}

/**
 * The names in a block of a directory, its `first` or another. If the directory is `indexed` the block is a leaf, the
 * index root or an index node, each with its own kind of checksum. `seed` is the inode's. Throws `FilesystemError` when
 * it is damaged.
 */
export function parseDirectoryBlock(
  bytes: Bytes,
  indexed: boolean,
  first: boolean,
  seed: number,
): ParsedName[] {
  const s = new Struct(bytes);
  const isIndex = indexed && (first || s.get(DIR_ENTRY.rec_len) === bytes.length);
  const end = isIndex ? bytes.length : bytes.length - DIR_ENTRY_TAIL_SIZE;
  if (isIndex) checkIndex(s, first ? DX_ROOT_ENTRIES : DX_NODE_ENTRIES, seed);
  else {
    assertValid(
      s.get(DIR_ENTRY_TAIL.det_checksum, end) === crc32c(seed, bytes, 0, end),
      "the checksum of a directory block is wrong",
    );
  }
  const names: ParsedName[] = [];
  for (let at = 0; at < end;) {
    assertValid(at + DIR_ENTRY_HEADER_SIZE <= end, "a directory entry beyond its block");
    const inode = s.get(DIR_ENTRY.inode, at);
    const length = s.get(DIR_ENTRY.rec_len, at);
    const nameLength = s.get(DIR_ENTRY.name_len, at);
    assertValid(
      length >= DIR_ENTRY_HEADER_SIZE + nameLength && length % 4 === 0 && at + length <= end,
      "a directory entry beyond its block",
    );
    const name = at + DIR_ENTRY_HEADER_SIZE;
    if (inode !== 0) names.push({ inode, name: decodeName(bytes.subarray(name, name + nameLength)) });
    at += length;
  }
  return names;
}

/** Throws `FilesystemError` with that message unless the condition holds. */
export function assertValid(condition: boolean, message: string): asserts condition {
  if (!condition) throw new FilesystemError(message);
}

/** Check the numbers and the checksum of an index block whose entries begin at `start`. */
function checkIndex(s: Struct, start: number, seed: number): void {
  const limit = s.get(DX_COUNTLIMIT.limit, start);
  const count = s.get(DX_COUNTLIMIT.count, start);
  const tail = start + DX_ENTRY_SIZE * limit;
  assertValid(
    count >= 1 && count <= limit && tail + DX_TAIL_SIZE <= s.bytes.length,
    "an impossible directory index",
  );
  assertValid(
    s.get(DX_TAIL.dt_checksum, tail) === indexChecksum(s, start, seed),
    "the checksum of a directory index is wrong",
  );
}

function decodeName(bytes: Bytes): string {
  const name = decodeText(bytes);
  assertValid(name !== "" && !/[\0/]/.test(name), `an impossible name, ${JSON.stringify(name)}`);
  return name;
}
