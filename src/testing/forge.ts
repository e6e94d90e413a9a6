import type { Bytes, Segment } from "../ext4/segment.ts";
import { bitmapChecksum } from "../ext4/bitmap.ts";
import { crc32c } from "../ext4/crc32c.ts";
import { extentTailOffset } from "../ext4/extent.ts";
import {
  DIR_ENTRY,
  DIR_ENTRY_TAIL,
  DIR_ENTRY_TAIL_SIZE,
  DX_COUNTLIMIT,
  DX_NODE_ENTRIES,
  DX_ENTRY_SIZE,
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
  GROUP_DESCRIPTOR,
  INODE,
  SUPERBLOCK,
  XATTR_HEADER,
} from "../ext4/fields.ts";
import { plan, segments, type Entry, type FilesystemOptions, type Plan } from "../ext4/filesystem.ts";
import { checksumSeed, groupChecksum, inodeSeed, superblockChecksum } from "../ext4/format.ts";
import { indexChecksum } from "../ext4/htree.ts";
import { DESCRIPTOR_SIZE, INODE_SIZE } from "../ext4/layout.ts";
import type { Inode } from "../ext4/plan.ts";
import { Struct } from "../ext4/struct.ts";
import { xattrBlockChecksum } from "../ext4/xattr.ts";

/** Bytes of an image that a checksum covers, for whoever wants to change them. */
export interface Place {
  readonly what: "superblock" | "descriptors" | "bitmap" | "inode" | "names" | "extents" | "attributes";
  readonly start: number;
  readonly length: number;
}

/** An extent, or above depth 0 the place of a node, for `writeNode`. */
export interface ForgedEntry {
  readonly logical: number;
  readonly start: number;
  readonly count?: number;
}

/**
 * An ext4 image that can be changed at will and then sealed: given right checksums again, as an attacker would. Without
 * that a reader sees no more of it than that a checksum is wrong.
 */
export class Forgery {
  readonly bytes: Bytes;
  readonly plan: Plan;
  readonly places: readonly Place[];
  readonly #s: Struct;
  /** Blocks that hold nodes of extent trees, and whose. */
  readonly #nodes = new Map<number, number>();

  /** The image of `entries`, none of which is a stream; or, with `bytes`, a changed one made by the same plan. */
  constructor(of: Plan, bytes = imageOf(of)) {
    this.plan = of;
    this.bytes = bytes;
    this.#s = new Struct(bytes);
    for (const { number, tree } of of.order) for (const block of tree) this.#nodes.set(block, number);
    this.places = [...this.#covered()];
  }

  /** Write into a field of the structure at `start`. */
  set(field: Parameters<Struct["set"]>[0], value: number, start: number): void {
    this.#s.set(field, value, start);
  }

  /** The inode at `path`, and the byte where it begins. */
  inode(path: string): Inode & { readonly offset: number } {
    const found = this.plan.order.find(({ node }) => node?.path === path);
    if (!found) throw new Error(`no ${path}`);
    return { ...found, offset: this.offsetOf(found.number) };
  }

  offsetOf(inode: number): number {
    const { groups, inodesPerGroup, blockSize } = this.plan.layout;
    const group = groups[Math.floor((inode - 1) / inodesPerGroup)]!;
    return group.inodeTable * blockSize + ((inode - 1) % inodesPerGroup) * INODE_SIZE;
  }

  /** Make block `block`, or with 0 the root in the inode, a node of the extent tree of inode number `inode`. */
  writeNode(inode: number, block: number, depth: number, entries: readonly ForgedEntry[]): void {
    const { blockSize } = this.plan.layout;
    const start = block > 0 ? block * blockSize : this.offsetOf(inode) + INODE.i_block.offset;
    const max =
      block > 0 ? Math.floor((blockSize - EXTENT_RECORD_SIZE - EXTENT_TAIL_SIZE) / EXTENT_RECORD_SIZE) : 4;
    this.set(EXTENT_HEADER.eh_magic, EXTENT_MAGIC, start);
    this.set(EXTENT_HEADER.eh_entries, entries.length, start);
    this.set(EXTENT_HEADER.eh_max, max, start);
    this.set(EXTENT_HEADER.eh_depth, depth, start);
    entries.forEach(({ logical, start: to, count = 0 }, i) => {
      const at = start + EXTENT_RECORD_SIZE * (1 + i);
      this.set(EXTENT.ee_block, logical, at);
      if (depth > 0) this.#s.setSplit(EXTENT_IDX.ei_leaf_lo, EXTENT_IDX.ei_leaf_hi, to, at);
      else this.#s.setSplit(EXTENT.ee_start_lo, EXTENT.ee_start_hi, to, at);
      if (depth === 0) this.set(EXTENT.ee_len, count, at);
    });
    if (block > 0) this.#nodes.set(block, inode);
  }

  /** Put the right checksum to everything that has one and is where the plan put it. */
  seal(): this {
    const s = this.#s;
    const { layout, order } = this.plan;
    const { blockSize } = layout;
    const seed = checksumSeed(s.getRaw(SUPERBLOCK.s_uuid, 1024));
    const seedOf = (inode: number) => inodeSeed(seed, inode, s.get(INODE.i_generation, this.offsetOf(inode)));
    const blockAt = (block: number) => this.bytes.subarray(block * blockSize, (block + 1) * blockSize);

    for (const [block, inode] of this.#nodes) {
      const tail = extentTailOffset(s.get(EXTENT_HEADER.eh_max, block * blockSize));
      if (tail + EXTENT_TAIL_SIZE > blockSize) continue;
      this.set(
        EXTENT_TAIL.et_checksum,
        crc32c(seedOf(inode), blockAt(block), 0, tail),
        block * blockSize + tail,
      );
    }
    for (const inode of order) {
      this.#sealNames(inode, seedOf(inode.number));
      if (inode.xattrBlock > 0) {
        const checksum = xattrBlockChecksum(blockAt(inode.xattrBlock), inode.xattrBlock, seed);
        this.set(XATTR_HEADER.h_checksum, checksum, inode.xattrBlock * blockSize);
      }
      const at = this.offsetOf(inode.number);
      s.setSplit(INODE.l_i_checksum_lo, INODE.i_checksum_hi, 0, at); // the checksum covers itself as zero
      const checksum = crc32c(seedOf(inode.number), this.bytes, at, at + INODE_SIZE);
      s.setSplit(INODE.l_i_checksum_lo, INODE.i_checksum_hi, checksum, at);
    }
    const descriptors = (layout.firstBlock + 1) * blockSize;
    layout.groups.forEach(({ blockBitmap, inodeBitmap }, group) => {
      const at = descriptors + group * DESCRIPTOR_SIZE;
      const f = GROUP_DESCRIPTOR;
      const blocks = bitmapChecksum(blockAt(blockBitmap), layout.blocksPerGroup, seed);
      s.setSplit(f.bg_block_bitmap_csum_lo, f.bg_block_bitmap_csum_hi, blocks, at);
      const inodes = bitmapChecksum(blockAt(inodeBitmap), layout.inodesPerGroup, seed);
      s.setSplit(f.bg_inode_bitmap_csum_lo, f.bg_inode_bitmap_csum_hi, inodes, at);
      this.set(f.bg_checksum, 0, at);
      this.set(f.bg_checksum, groupChecksum(this.bytes.slice(at, at + DESCRIPTOR_SIZE), group, seed), at);
    });
    this.set(SUPERBLOCK.s_checksum, superblockChecksum(this.bytes.slice(1024, 2048)), 1024);
    return this;
  }

  #sealNames({ shape, runs }: Inode, seed: number): void {
    if (!shape) return;
    const { blockSize } = this.plan.layout;
    const blocks = runs.flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i));
    blocks.forEach((block, i) => {
      const bytes = this.bytes.subarray(block * blockSize, (block + 1) * blockSize);
      const s = new Struct(bytes);
      const isIndex = shape.leaves && (i === 0 || s.get(DIR_ENTRY.rec_len) === blockSize);
      if (!isIndex) {
        const end = blockSize - DIR_ENTRY_TAIL_SIZE;
        s.set(DIR_ENTRY_TAIL.det_checksum, crc32c(seed, bytes, 0, end), end);
        return;
      }
      const start = i === 0 ? DX_ROOT_ENTRIES : DX_NODE_ENTRIES;
      const tail = start + DX_ENTRY_SIZE * s.get(DX_COUNTLIMIT.limit, start);
      if (tail + DX_TAIL_SIZE <= blockSize) s.set(DX_TAIL.dt_checksum, indexChecksum(s, start, seed), tail);
    });
  }

  *#covered(): Generator<Place> {
    const { layout, order } = this.plan;
    const { blockSize, groups } = layout;
    const block = (what: Place["what"], at: number): Place => ({
      what,
      start: at * blockSize,
      length: blockSize,
    });
    yield { what: "superblock", start: 1024, length: 1024 };
    const descriptors = (layout.firstBlock + 1) * blockSize;
    yield { what: "descriptors", start: descriptors, length: groups.length * DESCRIPTOR_SIZE };
    for (const { blockBitmap, inodeBitmap } of groups) {
      yield block("bitmap", blockBitmap);
      yield block("bitmap", inodeBitmap);
    }
    for (const { number, shape, runs, tree, xattrBlock, node } of order) {
      if (node) yield { what: "inode", start: this.offsetOf(number), length: INODE_SIZE };
      for (const each of tree) yield block("extents", each);
      if (xattrBlock > 0) yield block("attributes", xattrBlock);
      for (const { start, count } of shape ? runs : []) {
        for (let i = 0; i < count; i++) yield block("names", start + i);
      }
    }
  }
}

/** A forgery of a file system with these entries. */
export function forge(entries: Iterable<Entry>, options: FilesystemOptions): Forgery {
  return new Forgery(plan(entries, options));
}

function imageOf(of: Plan): Bytes {
  const bytes = new Uint8Array(of.size);
  let at = 0;
  for (const segment of segments(of)) {
    if (segment.kind === "bytes") bytes.set(segment.bytes, at);
    at += lengthOfMade(segment);
  }
  return bytes;
}

function lengthOfMade(segment: Segment): number {
  if (segment.kind === "content") throw new Error("a stream");
  return segment.kind === "bytes" ? segment.bytes.length : segment.length;
}
