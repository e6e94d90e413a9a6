import type { Bytes } from "./segment.ts";
import { crc32c, crc32cWord } from "./crc32c.ts";
import { writeExtentRoot, type ExtentNode } from "./extent.ts";
import {
  DESCRIPTOR_SIZE,
  FIRST_INODE,
  INODE_SIZE,
  LOG_GROUPS_PER_FLEX,
  type GroupPlaces,
  type Layout,
} from "./layout.ts";
import { high32, low32, Struct } from "./struct.ts";
import { extra, type Timestamp } from "./time.ts";

// The structures of fixed size, at the offsets of the kernel's tables (Documentation/filesystems/ext4). What is
// not written stays zero: those fields belong to features that are not used here, or to a life that has not begun.

/** Who a file system is. */
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

/** Inodes that the file system keeps for itself. */
export const ROOT_INODE = 2;
export const JOURNAL_INODE = 8;
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

export const FEATURE_COMPAT = sum(COMPAT);
export const FEATURE_INCOMPAT = sum(INCOMPAT);
export const FEATURE_RO_COMPAT = sum(RO_COMPAT);
/** Without room for a journal, this one is missing from `FEATURE_COMPAT`. */
export const HAS_JOURNAL = COMPAT.has_journal;

/** `i_extra_isize`: the fields behind the first 128 bytes of an inode, up to and with `i_projid`. */
export const EXTRA_ISIZE = 32;
/** What an inode has left for extended attributes. */
export const INODE_BODY = INODE_SIZE - 128 - EXTRA_ISIZE;

/** What all checksums but the superblock's begin with, so that blocks of another file system do not pass. */
export function checksumSeed(uuid: Bytes): number {
  return crc32c(0xffff_ffff, uuid);
}

/** What the checksums of an inode's own blocks begin with. `i_generation` is 0. */
export function inodeSeed(seed: number, inode: number): number {
  return crc32cWord(crc32cWord(seed, inode), 0);
}

export interface SuperblockFacts {
  readonly freeBlocks: number;
  readonly freeInodes: number;
  /** Blocks that no file can have: metadata of fixed place and the journal. */
  readonly overhead: number;
  /** `i_block` of the journal's inode, kept twice in case the inode table is lost. */
  readonly journal: { readonly block: Bytes; readonly size: number } | undefined;
}

/**
 * `struct ext4_super_block`, 1,024 bytes. The copies in other groups say which group they are in, and that they are
 * not clean, as mke2fs's do: who has to start from a copy should check everything first.
 */
export function superblock(identity: Identity, layout: Layout, facts: SuperblockFacts, group: number): Bytes {
  const { blockSize, blocks, groups, inodesPerGroup, blocksPerGroup } = layout;
  const { time } = identity;
  const s = new Struct(1024);
  const logBlockSize = Math.log2(blockSize) - 10;
  s.u32(0x00, inodesPerGroup * groups.length); // s_inodes_count
  s.u32(0x04, low32(blocks)); // s_blocks_count_lo
  s.u32(0x08, 0); // s_r_blocks_count_lo: nothing is reserved
  s.u32(0x0c, low32(facts.freeBlocks)); // s_free_blocks_count_lo
  s.u32(0x10, facts.freeInodes); // s_free_inodes_count
  s.u32(0x14, layout.firstBlock); // s_first_data_block
  s.u32(0x18, logBlockSize); // s_log_block_size
  s.u32(0x1c, logBlockSize); // s_log_cluster_size: a cluster is a block
  s.u32(0x20, blocksPerGroup); // s_blocks_per_group
  s.u32(0x24, blocksPerGroup); // s_clusters_per_group
  s.u32(0x28, inodesPerGroup); // s_inodes_per_group
  s.u32(0x30, low32(time.seconds)); // s_wtime; s_mtime (0x2c) stays zero: never mounted
  s.u16(0x36, 0xffff); // s_max_mnt_count: no check just for having been mounted often
  s.u16(0x38, 0xef53); // s_magic
  s.u16(0x3a, group === 0 ? 1 : 0); // s_state: EXT4_VALID_FS
  s.u16(0x3c, 2); // s_errors: EXT4_ERRORS_RO
  s.u32(0x40, low32(time.seconds)); // s_lastcheck; s_checkinterval (0x44) stays zero: none is due
  s.u32(0x4c, 1); // s_rev_level: EXT4_DYNAMIC_REV; s_creator_os (0x48) is 0, Linux
  s.u32(0x54, FIRST_INODE); // s_first_ino
  s.u16(0x58, INODE_SIZE); // s_inode_size
  s.u16(0x5a, group); // s_block_group_nr
  s.u32(0x5c, facts.journal ? FEATURE_COMPAT : FEATURE_COMPAT - HAS_JOURNAL); // s_feature_compat
  s.u32(0x60, FEATURE_INCOMPAT); // s_feature_incompat
  s.u32(0x64, FEATURE_RO_COMPAT); // s_feature_ro_compat
  s.raw(0x68, identity.uuid, 16); // s_uuid
  s.raw(0x78, identity.label, 16); // s_volume_name
  identity.hashSeed.forEach((word, i) => s.u32(0xec + 4 * i, word)); // s_hash_seed
  s.u8(0xfc, 1); // s_def_hash_version: DX_HASH_HALF_MD4
  s.u16(0xfe, DESCRIPTOR_SIZE); // s_desc_size
  s.u32(0x100, 0x0c); // s_default_mount_opts: user_xattr, acl
  s.u32(0x108, low32(time.seconds)); // s_mkfs_time
  if (facts.journal) {
    s.u32(0xe0, JOURNAL_INODE); // s_journal_inum
    s.u8(0xfd, 1); // s_jnl_backup_type: EXT4_JNL_BACKUP_BLOCKS
    s.raw(0x10c, facts.journal.block, 60); // s_jnl_blocks[0..14]
    s.u32(0x148, high32(facts.journal.size)); // s_jnl_blocks[15]: i_size_high
    s.u32(0x14c, low32(facts.journal.size)); // s_jnl_blocks[16]: i_size
  }
  s.u32(0x150, high32(blocks)); // s_blocks_count_hi
  s.u32(0x158, high32(facts.freeBlocks)); // s_free_blocks_count_hi
  s.u16(0x15c, EXTRA_ISIZE); // s_min_extra_isize
  s.u16(0x15e, EXTRA_ISIZE); // s_want_extra_isize
  s.u32(0x160, 1); // s_flags: EXT2_FLAGS_SIGNED_HASH
  s.u8(0x174, LOG_GROUPS_PER_FLEX); // s_log_groups_per_flex
  s.u8(0x175, 1); // s_checksum_type: crc32c
  s.u32(0x248, facts.overhead); // s_overhead_clusters
  s.u8(0x274, high32(time.seconds)); // s_wtime_hi
  s.u8(0x276, high32(time.seconds)); // s_mkfs_time_hi
  s.u8(0x277, high32(time.seconds)); // s_lastcheck_hi
  s.u32(0x3fc, crc32c(0xffff_ffff, s.bytes, 0, 0x3fc)); // s_checksum
  return s.bytes;
}

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

/** `struct ext4_group_desc`, 64 bytes: where a block group keeps its bitmaps and inodes. */
export function groupDescriptor(g: GroupFacts, seed: number): Bytes {
  const s = new Struct(DESCRIPTOR_SIZE);
  s.u32(0x00, low32(g.blockBitmap)); // bg_block_bitmap_lo
  s.u32(0x04, low32(g.inodeBitmap)); // bg_inode_bitmap_lo
  s.u32(0x08, low32(g.inodeTable)); // bg_inode_table_lo
  s.u16(0x0c, g.freeBlocks); // bg_free_blocks_count_lo
  s.u16(0x0e, g.freeInodes); // bg_free_inodes_count_lo
  s.u16(0x10, g.directories); // bg_used_dirs_count_lo: at most inodes per group, 32,768
  // The table is zeroed to its end. The UNINIT flags stay off and every bitmap is written in full, so that readers
  // who know nothing of them, and writers who copy used blocks alone, are right too.
  s.u16(0x12, 0x4); // bg_flags: EXT4_BG_INODE_ZEROED
  s.u16(0x18, g.blockBitmapChecksum & 0xffff); // bg_block_bitmap_csum_lo
  s.u16(0x1a, g.inodeBitmapChecksum & 0xffff); // bg_inode_bitmap_csum_lo
  s.u16(0x1c, g.unusedInodes); // bg_itable_unused_lo
  s.u32(0x20, high32(g.blockBitmap)); // bg_block_bitmap_hi
  s.u32(0x24, high32(g.inodeBitmap)); // bg_inode_bitmap_hi
  s.u32(0x28, high32(g.inodeTable)); // bg_inode_table_hi
  s.u16(0x38, g.blockBitmapChecksum >>> 16); // bg_block_bitmap_csum_hi
  s.u16(0x3a, g.inodeBitmapChecksum >>> 16); // bg_inode_bitmap_csum_hi
  s.u16(0x1e, crc32c(crc32cWord(seed, g.number), s.bytes) & 0xffff); // bg_checksum, over itself as zero
  return s.bytes;
}

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

export const EXTENTS_FL = 0x8_0000;
export const INDEX_FL = 0x1000;

/** `struct ext4_inode`, 256 bytes, written where `s` stands, which is zero. `created` is when the file system was. */
export function writeInode(s: Struct, inode: InodeFacts, created: Timestamp, seed: number): void {
  const { mtime, size, uid, gid } = inode;
  const sectors = (inode.blocks * inode.blockSize) / 512;
  s.u16(0x00, inode.mode); // i_mode
  s.u16(0x02, uid & 0xffff); // i_uid
  s.u32(0x04, low32(size)); // i_size_lo
  s.u32(0x08, field(mtime)); // i_atime
  s.u32(0x0c, field(mtime)); // i_ctime
  s.u32(0x10, field(mtime)); // i_mtime; i_dtime (0x14) stays zero: not deleted
  s.u16(0x18, gid & 0xffff); // i_gid
  s.u16(0x1a, inode.links); // i_links_count
  s.u32(0x1c, low32(sectors)); // i_blocks_lo, in units of 512 bytes
  s.u32(0x20, inode.flags); // i_flags
  if (inode.block instanceof Uint8Array) s.raw(0x28, inode.block, 60);
  else writeExtentRoot(s, 0x28, inode.block); // i_block
  s.u32(0x68, low32(inode.xattrBlock)); // i_file_acl_lo; i_generation (0x64) stays zero
  s.u32(0x6c, high32(size)); // i_size_high
  s.u16(0x74, high32(sectors)); // l_i_blocks_high
  s.u16(0x76, high32(inode.xattrBlock)); // l_i_file_acl_high
  s.u16(0x78, uid >>> 16); // l_i_uid_high
  s.u16(0x7a, gid >>> 16); // l_i_gid_high
  s.u16(0x80, EXTRA_ISIZE); // i_extra_isize
  s.u32(0x84, extra(mtime)); // i_ctime_extra
  s.u32(0x88, extra(mtime)); // i_mtime_extra
  s.u32(0x8c, extra(mtime)); // i_atime_extra
  s.u32(0x90, field(created)); // i_crtime
  s.u32(0x94, extra(created)); // i_crtime_extra; i_version_hi and i_projid stay zero
  if (inode.body) s.raw(128 + EXTRA_ISIZE, inode.body, INODE_BODY);
  const checksum = crc32c(inodeSeed(seed, inode.number), s.bytes, s.base, s.base + INODE_SIZE); // over itself as zero
  s.u16(0x7c, checksum & 0xffff); // l_i_checksum_lo
  s.u16(0x82, checksum >>> 16); // i_checksum_hi
}

/** `struct journal_superblock_s`, big-endian, in the journal's first block: empty, nothing to replay. */
export function journalSuperblock(uuid: Bytes, journalBlocks: number, blockSize: number): Bytes {
  const s = new Struct(blockSize);
  s.be32(0x00, 0xc03b_3998); // h_magic
  s.be32(0x04, 4); // h_blocktype: JBD2_SUPERBLOCK_V2; h_sequence stays zero
  s.be32(0x0c, blockSize); // s_blocksize
  s.be32(0x10, journalBlocks); // s_maxlen
  s.be32(0x14, 1); // s_first: the block behind this one
  s.be32(0x18, 1); // s_sequence; s_start (0x1c) stays zero: empty
  s.raw(0x30, uuid, 16); // s_uuid; features stay zero: the kernel adds checksums when it mounts
  s.be32(0x40, 1); // s_nr_users
  return s.bytes;
}

/** The low 32 bits of the seconds; `extra` has the others. */
function field({ seconds }: Timestamp): number {
  return seconds >>> 0;
}

function sum(bits: Readonly<Record<string, number>>): number {
  return Object.values(bits).reduce((all, bit) => all + bit, 0);
}
