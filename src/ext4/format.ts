import type { Bytes } from "./segment.ts";
import { crc32c, crc32cWord } from "./crc32c.ts";
import { writeExtentRoot, type ExtentNode } from "./extent.ts";
import {
  BG_INODE_ZEROED,
  GOOD_OLD_INODE_SIZE,
  GROUP_DESCRIPTOR,
  INODE,
  JOURNAL_SUPERBLOCK,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
} from "./fields.ts";
import { HALF_MD4 } from "./hash.ts";
import {
  DESCRIPTOR_SIZE,
  FIRST_INODE,
  INODE_SIZE,
  LOG_GROUPS_PER_FLEX,
  type GroupPlaces,
  type Layout,
} from "./layout.ts";
import { Struct } from "./struct.ts";
import { extra, type Timestamp } from "./time.ts";

// The structures of fixed size, from values to bytes. Fields that are not written stay zero: they belong to features
// that are not used here, or to what happens once a file system is mounted.

/** What tells a file system from others. */
export interface Identity {
  /** `s_uuid`, 16 bytes. */
  readonly uuid: Bytes;
  /** `s_volume_name`, up to 16 bytes of UTF-8. */
  readonly label: Bytes;
  /** `s_hash_seed`, four little-endian words. */
  readonly hashSeed: readonly number[];
  /** When it was made. */
  readonly time: Timestamp;
}

/** The root directory's inode, `EXT4_ROOT_INO`. */
export const ROOT_INODE = 2;
/** The journal's inode, `EXT4_JOURNAL_INO`. */
export const JOURNAL_INODE = 8;
/** The inode of lost+found, the first that is not reserved. */
export const LOST_AND_FOUND_INODE = FIRST_INODE;

const COMPAT = { has_journal: 0x4, ext_attr: 0x8, dir_index: 0x20 };
const INCOMPAT = { filetype: 0x2, extents: 0x40, "64bit": 0x80, flex_bg: 0x200 };
const RO_COMPAT = {
  sparse_super: 0x1,
  large_file: 0x2,
  huge_file: 0x8,
  dir_nlink: 0x20,
  extra_isize: 0x40,
  metadata_csum: 0x400,
};

/** `s_feature_compat`. Without room for a journal, `HAS_JOURNAL` is missing from it. */
export const FEATURE_COMPAT = sum(COMPAT);
/** `s_feature_incompat`. */
export const FEATURE_INCOMPAT = sum(INCOMPAT);
/** `s_feature_ro_compat`. */
export const FEATURE_RO_COMPAT = sum(RO_COMPAT);
/** `EXT4_FEATURE_COMPAT_HAS_JOURNAL`. */
export const HAS_JOURNAL = COMPAT.has_journal;

/** `i_extra_isize`: bytes of the fields behind the first 128 of an inode, up to and with `i_projid`. */
export const EXTRA_ISIZE = 32;
/** Bytes that an inode has left for extended attributes, behind its fields. */
export const INODE_BODY = INODE_SIZE - GOOD_OLD_INODE_SIZE - EXTRA_ISIZE;

/** What all checksums but the superblock's begin with, so that blocks of another file system do not pass. */
export function checksumSeed(uuid: Bytes): number {
  return crc32c(0xffff_ffff, uuid);
}

/** What the checksums of an inode's own blocks begin with. The writer makes every `i_generation` 0. */
export function inodeSeed(seed: number, inode: number, generation = 0): number {
  return crc32cWord(crc32cWord(seed, inode), generation);
}

/** What a superblock says of the whole file system beside its layout. Counts are in blocks and inodes. */
export interface SuperblockFacts {
  readonly freeBlocks: number;
  readonly freeInodes: number;
  /** Blocks that no file can have: metadata of fixed place and the journal. */
  readonly overhead: number;
  /** `i_block` of the journal's inode and its size in bytes, kept twice in case the inode table is lost. */
  readonly journal: { readonly block: Bytes; readonly size: number } | undefined;
}

/**
 * `struct ext4_super_block`, 1,024 bytes. The copies in other groups say which group they are in and, as mke2fs's do,
 * that they are not clean: whoever has to start from a copy should check everything first. Throws `RangeError` for a
 * value that its field cannot hold.
 */
export function superblock(identity: Identity, layout: Layout, facts: SuperblockFacts, group: number): Bytes {
  const { blockSize, blocks, groups, inodesPerGroup, blocksPerGroup } = layout;
  const { seconds } = identity.time;
  const f = SUPERBLOCK;
  const s = new Struct(1024);
  const logBlockSize = Math.log2(blockSize) - 10;
  s.set(f.s_inodes_count, inodesPerGroup * groups.length);
  s.setSplit(f.s_blocks_count_lo, f.s_blocks_count_hi, blocks);
  s.set(f.s_r_blocks_count_lo, 0); // nothing is reserved
  s.setSplit(f.s_free_blocks_count_lo, f.s_free_blocks_count_hi, facts.freeBlocks);
  s.set(f.s_free_inodes_count, facts.freeInodes);
  s.set(f.s_first_data_block, layout.firstBlock);
  s.set(f.s_log_block_size, logBlockSize);
  s.set(f.s_log_cluster_size, logBlockSize); // a cluster is a block
  s.set(f.s_blocks_per_group, blocksPerGroup);
  s.set(f.s_clusters_per_group, blocksPerGroup);
  s.set(f.s_inodes_per_group, inodesPerGroup);
  s.setSplit(f.s_wtime, f.s_wtime_hi, seconds); // s_mtime stays zero: never mounted
  s.set(f.s_max_mnt_count, 0xffff); // no check just for having been mounted often
  s.set(f.s_magic, SUPERBLOCK_MAGIC);
  s.set(f.s_state, group === 0 ? 1 : 0); // EXT4_VALID_FS
  s.set(f.s_errors, 2); // EXT4_ERRORS_RO
  s.setSplit(f.s_lastcheck, f.s_lastcheck_hi, seconds); // s_checkinterval stays zero: none is due
  s.set(f.s_rev_level, 1); // EXT4_DYNAMIC_REV; s_creator_os is 0, Linux
  s.set(f.s_first_ino, FIRST_INODE);
  s.set(f.s_inode_size, INODE_SIZE);
  s.set(f.s_block_group_nr, group);
  s.set(f.s_feature_compat, facts.journal ? FEATURE_COMPAT : FEATURE_COMPAT - HAS_JOURNAL);
  s.set(f.s_feature_incompat, FEATURE_INCOMPAT);
  s.set(f.s_feature_ro_compat, FEATURE_RO_COMPAT);
  s.setRaw(f.s_uuid, identity.uuid);
  s.setRaw(f.s_volume_name, identity.label);
  f.s_hash_seed.forEach((field, i) => s.set(field, identity.hashSeed[i]!));
  s.set(f.s_def_hash_version, HALF_MD4);
  s.set(f.s_desc_size, DESCRIPTOR_SIZE);
  s.set(f.s_default_mount_opts, 0x0c); // user_xattr, acl
  s.setSplit(f.s_mkfs_time, f.s_mkfs_time_hi, seconds);
  if (facts.journal) {
    s.set(f.s_journal_inum, JOURNAL_INODE);
    s.set(f.s_jnl_backup_type, 1); // EXT4_JNL_BACKUP_BLOCKS
    s.setRaw(f.s_jnl_blocks, facts.journal.block);
    s.setSplit(f.s_jnl_size_lo, f.s_jnl_size_high, facts.journal.size);
  }
  s.set(f.s_min_extra_isize, EXTRA_ISIZE);
  s.set(f.s_want_extra_isize, EXTRA_ISIZE);
  s.set(f.s_flags, 1); // EXT2_FLAGS_SIGNED_HASH
  s.set(f.s_log_groups_per_flex, LOG_GROUPS_PER_FLEX);
  s.set(f.s_checksum_type, 1); // crc32c
  s.set(f.s_overhead_clusters, facts.overhead);
  s.set(f.s_checksum, superblockChecksum(s.bytes));
  return s.bytes;
}

/** `s_checksum`: over everything before it. */
export function superblockChecksum(bytes: Bytes): number {
  return crc32c(0xffff_ffff, bytes, 0, SUPERBLOCK.s_checksum.offset);
}

/** What a group's descriptor says. Places are block numbers. */
export interface GroupFacts extends GroupPlaces {
  readonly number: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly directories: number;
  /** Inodes at the end of the table that have never been used. */
  readonly unusedInodes: number;
  readonly blockBitmapChecksum: number;
  readonly inodeBitmapChecksum: number;
}

/**
 * `struct ext4_group_desc`, 64 bytes: where a block group keeps its bitmaps and inodes. `seed` is the file system's.
 * Throws `RangeError` for a value that its field cannot hold.
 */
export function groupDescriptor(g: GroupFacts, seed: number): Bytes {
  const f = GROUP_DESCRIPTOR;
  const s = new Struct(DESCRIPTOR_SIZE);
  s.setSplit(f.bg_block_bitmap_lo, f.bg_block_bitmap_hi, g.blockBitmap);
  s.setSplit(f.bg_inode_bitmap_lo, f.bg_inode_bitmap_hi, g.inodeBitmap);
  s.setSplit(f.bg_inode_table_lo, f.bg_inode_table_hi, g.inodeTable);
  s.set(f.bg_free_blocks_count_lo, g.freeBlocks);
  s.set(f.bg_free_inodes_count_lo, g.freeInodes);
  s.set(f.bg_used_dirs_count_lo, g.directories); // at most inodes per group, 32,768
  // The table is zeroed to its end. The UNINIT flags stay off and every bitmap is written in full: readers that ignore
  // the flags, and tools that copy only used blocks, get what they need.
  s.set(f.bg_flags, BG_INODE_ZEROED);
  s.setSplit(f.bg_block_bitmap_csum_lo, f.bg_block_bitmap_csum_hi, g.blockBitmapChecksum);
  s.setSplit(f.bg_inode_bitmap_csum_lo, f.bg_inode_bitmap_csum_hi, g.inodeBitmapChecksum);
  s.set(f.bg_itable_unused_lo, g.unusedInodes);
  s.set(f.bg_checksum, groupChecksum(s.bytes, g.number, seed));
  return s.bytes;
}

/** `bg_checksum` of a descriptor in which that field is zero. */
export function groupChecksum(bytes: Bytes, number: number, seed: number): number {
  return crc32c(crc32cWord(seed, number), bytes) & 0xffff;
}

/** What an inode says. */
export interface InodeFacts {
  readonly number: number;
  /** File type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly links: number;
  /** Blocks of the file, of its extent tree and of its attributes. */
  readonly blocks: number;
  readonly blockSize: number;
  readonly flags: number;
  /** `i_block`: the root of the extent tree, or the target of a short symbolic link. */
  readonly block: ExtentNode | Bytes;
  /** The block of extended attributes, or 0. */
  readonly xattrBlock: number;
  /** What stands behind the fields, `INODE_BODY` bytes. */
  readonly body: Bytes | undefined;
}

/**
 * `struct ext4_inode`, 256 bytes, written at the base of `s`, where everything is zero. `created` is when the file
 * system was made. Throws `RangeError` for a value that its field cannot hold.
 */
export function writeInode(s: Struct, inode: InodeFacts, created: Timestamp, seed: number): void {
  const { mtime } = inode;
  const f = INODE;
  s.set(f.i_mode, inode.mode);
  s.setSplit(f.i_uid, f.l_i_uid_high, inode.uid);
  s.setSplit(f.i_gid, f.l_i_gid_high, inode.gid);
  s.setSplit(f.i_size_lo, f.i_size_high, inode.size);
  s.set(f.i_atime, lowSeconds(mtime));
  s.set(f.i_ctime, lowSeconds(mtime));
  s.set(f.i_mtime, lowSeconds(mtime)); // i_dtime stays zero: not deleted
  s.set(f.i_links_count, inode.links);
  s.setSplit(f.i_blocks_lo, f.l_i_blocks_high, (inode.blocks * inode.blockSize) / 512); // in units of 512 bytes
  s.set(f.i_flags, inode.flags);
  if (inode.block instanceof Uint8Array) s.setRaw(f.i_block, inode.block);
  else writeExtentRoot(s, f.i_block.offset, inode.block);
  s.setSplit(f.i_file_acl_lo, f.l_i_file_acl_high, inode.xattrBlock); // i_generation stays zero
  s.set(f.i_extra_isize, EXTRA_ISIZE);
  s.set(f.i_ctime_extra, extra(mtime));
  s.set(f.i_mtime_extra, extra(mtime));
  s.set(f.i_atime_extra, extra(mtime));
  s.set(f.i_crtime, lowSeconds(created));
  s.set(f.i_crtime_extra, extra(created)); // i_version_hi and i_projid stay zero
  if (inode.body) s.raw(GOOD_OLD_INODE_SIZE + EXTRA_ISIZE, inode.body, INODE_BODY);
  const checksum = crc32c(inodeSeed(seed, inode.number), s.bytes, s.base, s.base + INODE_SIZE); // with its own field still zero
  s.setSplit(f.l_i_checksum_lo, f.i_checksum_hi, checksum);
}

/**
 * `struct journal_superblock_s`, the journal's first block: empty, nothing to replay. Throws `RangeError` for a value
 * that its field cannot hold.
 */
export function journalSuperblock(uuid: Bytes, journalBlocks: number, blockSize: number): Bytes {
  const f = JOURNAL_SUPERBLOCK;
  const s = new Struct(blockSize);
  s.set(f.h_magic, 0xc03b_3998); // JBD2_MAGIC_NUMBER
  s.set(f.h_blocktype, 4); // JBD2_SUPERBLOCK_V2; h_sequence stays zero
  s.set(f.s_blocksize, blockSize);
  s.set(f.s_maxlen, journalBlocks);
  s.set(f.s_first, 1); // the block behind this one
  s.set(f.s_sequence, 1); // s_start stays zero: empty
  s.setRaw(f.s_uuid, uuid); // features stay zero: the kernel adds checksums when it mounts
  s.set(f.s_nr_users, 1);
  return s.bytes;
}

/** The low 32 bits of the seconds; `extra` has the others. */
function lowSeconds({ seconds }: Timestamp): number {
  return seconds >>> 0;
}

function sum(bits: Readonly<Record<string, number>>): number {
  return Object.values(bits).reduce((all, bit) => all + bit, 0);
}
