import { be32, raw, u16, u32, u8 } from "./struct.ts";

// The on-disk structures, with the names, offsets and widths of the kernel's tables (Documentation/filesystems/ext4;
// fs/ext4/ext4.h, ext4_extents.h, xattr.h and acl.h, include/linux/jbd2.h). Whoever writes or reads a field takes it
// from here. Fields that nobody here writes or reads are left out.

/** `struct ext4_super_block`, 1,024 bytes. */
export const SUPERBLOCK = {
  s_inodes_count: u32(0x00),
  s_blocks_count_lo: u32(0x04),
  s_r_blocks_count_lo: u32(0x08),
  s_free_blocks_count_lo: u32(0x0c),
  s_free_inodes_count: u32(0x10),
  s_first_data_block: u32(0x14),
  s_log_block_size: u32(0x18),
  s_log_cluster_size: u32(0x1c),
  s_blocks_per_group: u32(0x20),
  s_clusters_per_group: u32(0x24),
  s_inodes_per_group: u32(0x28),
  s_wtime: u32(0x30),
  s_max_mnt_count: u16(0x36),
  s_magic: u16(0x38),
  s_state: u16(0x3a),
  s_errors: u16(0x3c),
  s_lastcheck: u32(0x40),
  s_rev_level: u32(0x4c),
  s_first_ino: u32(0x54),
  s_inode_size: u16(0x58),
  s_block_group_nr: u16(0x5a),
  s_feature_compat: u32(0x5c),
  s_feature_incompat: u32(0x60),
  s_feature_ro_compat: u32(0x64),
  s_uuid: raw(0x68, 16),
  s_volume_name: raw(0x78, 16),
  s_journal_inum: u32(0xe0),
  s_hash_seed: [u32(0xec), u32(0xf0), u32(0xf4), u32(0xf8)],
  s_def_hash_version: u8(0xfc),
  s_jnl_backup_type: u8(0xfd),
  s_desc_size: u16(0xfe),
  s_default_mount_opts: u32(0x100),
  s_mkfs_time: u32(0x108),
  /** `s_jnl_blocks[0]` to `[14]`: the journal's `i_block`. */
  s_jnl_blocks: raw(0x10c, 60),
  /** `s_jnl_blocks[15]`: the journal's `i_size_high`. */
  s_jnl_size_high: u32(0x148),
  /** `s_jnl_blocks[16]`: the journal's `i_size_lo`. */
  s_jnl_size_lo: u32(0x14c),
  s_blocks_count_hi: u32(0x150),
  s_free_blocks_count_hi: u32(0x158),
  s_min_extra_isize: u16(0x15c),
  s_want_extra_isize: u16(0x15e),
  s_flags: u32(0x160),
  s_log_groups_per_flex: u8(0x174),
  s_checksum_type: u8(0x175),
  s_overhead_clusters: u32(0x248),
  s_wtime_hi: u8(0x274),
  s_mkfs_time_hi: u8(0x276),
  s_lastcheck_hi: u8(0x277),
  s_checksum: u32(0x3fc),
} as const;

/** `EXT4_SUPER_MAGIC`, in `s_magic`. */
export const SUPERBLOCK_MAGIC = 0xef53;

/** `struct ext4_group_desc`, 64 bytes with the feature 64bit. */
export const GROUP_DESCRIPTOR = {
  bg_block_bitmap_lo: u32(0x00),
  bg_inode_bitmap_lo: u32(0x04),
  bg_inode_table_lo: u32(0x08),
  bg_free_blocks_count_lo: u16(0x0c),
  bg_free_inodes_count_lo: u16(0x0e),
  bg_used_dirs_count_lo: u16(0x10),
  bg_flags: u16(0x12),
  bg_block_bitmap_csum_lo: u16(0x18),
  bg_inode_bitmap_csum_lo: u16(0x1a),
  bg_itable_unused_lo: u16(0x1c),
  bg_checksum: u16(0x1e),
  bg_block_bitmap_hi: u32(0x20),
  bg_inode_bitmap_hi: u32(0x24),
  bg_inode_table_hi: u32(0x28),
  bg_block_bitmap_csum_hi: u16(0x38),
  bg_inode_bitmap_csum_hi: u16(0x3a),
} as const;

/** `bg_flags`: what of a group was never written, and that its inode table is zeroed. */
export const BG_INODE_UNINIT = 0x1;
export const BG_BLOCK_UNINIT = 0x2;
export const BG_INODE_ZEROED = 0x4;

/** `struct ext4_inode`: 128 bytes, and from `i_extra_isize` on as many more as that says. */
export const INODE = {
  i_mode: u16(0x00),
  i_uid: u16(0x02),
  i_size_lo: u32(0x04),
  i_atime: u32(0x08),
  i_ctime: u32(0x0c),
  i_mtime: u32(0x10),
  i_gid: u16(0x18),
  i_links_count: u16(0x1a),
  i_blocks_lo: u32(0x1c),
  i_flags: u32(0x20),
  i_block: raw(0x28, 60),
  i_generation: u32(0x64),
  i_file_acl_lo: u32(0x68),
  i_size_high: u32(0x6c),
  l_i_blocks_high: u16(0x74),
  l_i_file_acl_high: u16(0x76),
  l_i_uid_high: u16(0x78),
  l_i_gid_high: u16(0x7a),
  l_i_checksum_lo: u16(0x7c),
  i_extra_isize: u16(0x80),
  i_checksum_hi: u16(0x82),
  i_ctime_extra: u32(0x84),
  i_mtime_extra: u32(0x88),
  i_atime_extra: u32(0x8c),
  i_crtime: u32(0x90),
  i_crtime_extra: u32(0x94),
} as const;

/** `EXT4_GOOD_OLD_INODE_SIZE`: where `i_extra_isize` counts from. */
export const GOOD_OLD_INODE_SIZE = 128;

/** The type in `i_mode`. */
export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;

/** `i_flags`: a directory has an index over its names; `i_block` is the root of an extent tree. */
export const INDEX_FL = 0x1000;
export const EXTENTS_FL = 0x8_0000;

/** `struct ext4_extent_header`, with which each node of an extent tree begins. */
export const EXTENT_HEADER = {
  eh_magic: u16(0x00),
  eh_entries: u16(0x02),
  eh_max: u16(0x04),
  eh_depth: u16(0x06),
} as const;

/** In `eh_magic`. */
export const EXTENT_MAGIC = 0xf30a;

/** `struct ext4_extent`, in nodes of depth 0. */
export const EXTENT = {
  ee_block: u32(0x00),
  ee_len: u16(0x04),
  ee_start_hi: u16(0x06),
  ee_start_lo: u32(0x08),
} as const;

/** `struct ext4_extent_idx`, in nodes above. */
export const EXTENT_IDX = {
  ei_block: u32(0x00),
  ei_leaf_lo: u32(0x04),
  ei_leaf_hi: u16(0x08),
} as const;

/** Bytes of a header, an extent and an index entry alike. */
export const EXTENT_RECORD_SIZE = 12;

/** `struct ext4_extent_tail`, behind the last entry that would fit into a block. */
export const EXTENT_TAIL = { et_checksum: u32(0x00) } as const;
export const EXTENT_TAIL_SIZE = 4;

/** `struct ext4_dir_entry_2`; the name follows. */
export const DIR_ENTRY = {
  inode: u32(0x00),
  rec_len: u16(0x04),
  name_len: u8(0x06),
  file_type: u8(0x07),
} as const;

/** Bytes of an entry before its name. */
export const DIR_ENTRY_HEADER_SIZE = 8;

/** `struct ext4_dir_entry_tail`: the checksum at the end of a block, made to look like an unused entry. */
export const DIR_ENTRY_TAIL = {
  det_rec_len: u16(0x04),
  det_reserved_ft: u8(0x07),
  det_checksum: u32(0x08),
} as const;
export const DIR_ENTRY_TAIL_SIZE = 12;

/** `struct dx_root`, from the beginning of the block: behind "." and ".." comes `dx_root_info`. */
export const DX_ROOT = {
  hash_version: u8(0x1c),
  info_length: u8(0x1d),
  indirect_levels: u8(0x1e),
} as const;

/** Where the entries begin in `struct dx_root`, and in `struct dx_node`, the other blocks of an index. */
export const DX_ROOT_ENTRIES = 0x20;
export const DX_NODE_ENTRIES = 0x08;

/** `struct dx_entry`. */
export const DX_ENTRY = { hash: u32(0x00), block: u32(0x04) } as const;
export const DX_ENTRY_SIZE = 8;

/** `struct dx_countlimit`, in place of the first entry's hash. */
export const DX_COUNTLIMIT = { limit: u16(0x00), count: u16(0x02) } as const;

/** `struct dx_tail`, behind the last entry that would fit. */
export const DX_TAIL = { dt_checksum: u32(0x04) } as const;
export const DX_TAIL_SIZE = 8;

/** `struct ext4_xattr_header`, of a block; an inode has `h_magic` alone (`struct ext4_xattr_ibody_header`). */
export const XATTR_HEADER = {
  h_magic: u32(0x00),
  h_refcount: u32(0x04),
  h_blocks: u32(0x08),
  h_hash: u32(0x0c),
  h_checksum: u32(0x10),
} as const;
export const XATTR_HEADER_SIZE = 32;
export const XATTR_IBODY_HEADER_SIZE = 4;

/** `EXT4_XATTR_MAGIC`, in `h_magic`. */
export const XATTR_MAGIC = 0xea02_0000;

/** `struct ext4_xattr_entry`; the name follows. */
export const XATTR_ENTRY = {
  e_name_len: u8(0x00),
  e_name_index: u8(0x01),
  e_value_offs: u16(0x02),
  e_value_inum: u32(0x04),
  e_value_size: u32(0x08),
  e_hash: u32(0x0c),
} as const;

/** Bytes of an entry before its name. */
export const XATTR_ENTRY_HEADER_SIZE = 16;

/** Four zero bytes in place of an entry end the list (`IS_LAST_ENTRY`). */
export const XATTR_LAST_ENTRY = u32(0x00);
export const XATTR_LAST_ENTRY_SIZE = 4;

/** `ext4_acl_header`, and `posix_acl_xattr_header` which `getxattr` gives. */
export const ACL_HEADER = { a_version: u32(0x00) } as const;
export const ACL_HEADER_SIZE = 4;

/** `ext4_acl_entry`, and `posix_acl_xattr_entry`; ext4's has no `e_id` where the tag needs none. */
export const ACL_ENTRY = { e_tag: u16(0x00), e_perm: u16(0x02), e_id: u32(0x04) } as const;
export const ACL_ENTRY_SIZE = 8;
export const ACL_ENTRY_SHORT_SIZE = 4;

/** `struct journal_superblock_s`, big-endian, with its `struct journal_header_s`. */
export const JOURNAL_SUPERBLOCK = {
  h_magic: be32(0x00),
  h_blocktype: be32(0x04),
  s_blocksize: be32(0x0c),
  s_maxlen: be32(0x10),
  s_first: be32(0x14),
  s_sequence: be32(0x18),
  s_uuid: raw(0x30, 16),
  s_nr_users: be32(0x40),
} as const;
