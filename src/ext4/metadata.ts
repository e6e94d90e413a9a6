import type { Bytes, Segment } from "./segment.ts";
import { bitmapChecksum, blockBitmap, inodeBitmap } from "./bitmap.ts";
import { extentRoot, extentsOf, extentTree, type ExtentNode } from "./extent.ts";
import { EXTENTS_FL, INDEX_FL, S_IFREG } from "./fields.ts";
import {
  checksumSeed,
  groupDescriptor,
  INODE_BODY,
  JOURNAL_INODE,
  superblock,
  writeInode,
  type SuperblockFacts,
} from "./format.ts";
import { DESCRIPTOR_SIZE, INODE_SIZE, type FixedMetadata, type Run } from "./layout.ts";
import { LONGEST_FAST_SYMLINK, type Inode, type Plan } from "./plan.ts";
import { Struct } from "./struct.ts";
import { MAX_LINKS } from "./tree.ts";
import { xattrBody } from "./xattr.ts";

/** Makes the fixed metadata of a plan: superblocks with group descriptors, bitmaps, inode tables. */
export class Metadata {
  /** What the file system's checksums begin with. */
  readonly seed: number;
  readonly #plan: Plan;
  readonly #freeByGroup: readonly (readonly Run[])[];
  readonly #facts: SuperblockFacts;
  readonly #descriptors: Bytes;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.seed = checksumSeed(plan.identity.uuid);
    this.#freeByGroup = splitByGroup(plan);
    this.#facts = this.#superblockFacts();
    this.#descriptors = this.#makeDescriptors();
  }

  /** What fills the blocks of a piece of fixed metadata, without zeros at the end. */
  segments({ what, group, count }: FixedMetadata): Iterable<Segment> {
    switch (what) {
      case "superblock":
        return [{ kind: "bytes", bytes: this.#head(group, count) }];
      case "blockBitmap":
        return [{ kind: "bytes", bytes: this.#blockBitmap(group) }];
      case "inodeBitmap":
        return [{ kind: "bytes", bytes: this.#inodeBitmap(group) }];
      case "inodeTable":
        return this.#inodeTable(group);
      default:
        return what satisfies never;
    }
  }

  /** A superblock, 1,024 bytes into the file system or at the beginning of its group, and all group descriptors. */
  #head(group: number, count: number): Bytes {
    const { layout, identity } = this.#plan;
    const { blockSize } = layout;
    const bytes = new Uint8Array(count * blockSize);
    bytes.set(superblock(identity, layout, this.#facts, group), group === 0 && blockSize > 1024 ? 1024 : 0);
    bytes.set(this.#descriptors, blockSize);
    return bytes;
  }

  #blockBitmap(group: number): Bytes {
    return blockBitmap(this.#plan.layout, group, this.#freeByGroup[group]!);
  }

  #inodeBitmap(group: number): Bytes {
    return inodeBitmap(this.#plan.layout, this.#usedInodes(group));
  }

  /** How many of a group's inodes are in use. They are its first ones, since numbers are given out in order. */
  #usedInodes(group: number): number {
    const { layout, inodes } = this.#plan;
    const before = group * layout.inodesPerGroup;
    return Math.min(Math.max(inodes.length - 1 - before, 0), layout.inodesPerGroup);
  }

  /** The used part of an inode table in segments of at most 256 KiB. What follows has never been used, and is zero. */
  *#inodeTable(group: number): Generator<Segment> {
    const { layout, inodes } = this.#plan;
    const used = this.#usedInodes(group);
    for (let done = 0; done < used;) {
      const some = Math.min(used - done, 1024);
      const table = new Struct(some * INODE_SIZE);
      const first = group * layout.inodesPerGroup + done + 1;
      for (let i = 0; i < some; i++) {
        const inode = inodes[first + i];
        table.base = i * INODE_SIZE;
        if (inode) this.#writeInode(table, inode);
      }
      yield { kind: "bytes", bytes: table.bytes };
      done += some;
    }
  }

  #writeInode(table: Struct, inode: Inode): void {
    const { layout, identity } = this.#plan;
    const { node, number, size, shape } = inode;
    const fast = node?.kind === "symlink" && size <= LONGEST_FAST_SYMLINK;
    const content = inode.runs.reduce((sum, { count }) => sum + count, 0);
    const facts = {
      number,
      mode: node?.mode ?? S_IFREG | 0o600,
      uid: node?.uid ?? 0,
      gid: node?.gid ?? 0,
      size,
      mtime: node?.mtime ?? identity.time,
      links: linksOf(inode),
      blocks: content + inode.tree.length + (inode.xattrBlock > 0 ? 1 : 0),
      blockSize: layout.blockSize,
      flags: (fast ? 0 : EXTENTS_FL) | (shape?.leaves ? INDEX_FL : 0),
      block: fast ? node.target! : this.#extentRoot(inode),
      xattrBlock: inode.xattrBlock,
      body: inode.xattrs.body.length > 0 ? xattrBody(inode.xattrs.body, INODE_BODY) : undefined,
    };
    writeInode(table, facts, identity.time, this.seed);
  }

  #extentRoot(inode: Inode): ExtentNode {
    return extentTree(extentsOf(inode.runs), inode.tree, this.#plan.layout.blockSize)[0]!;
  }

  #superblockFacts(): SuperblockFacts {
    const { layout, freeBytes, freeInodes, inodes } = this.#plan;
    const journal = inodes[JOURNAL_INODE];
    const fixed = layout.fixedMetadata.reduce((sum, { count }) => sum + count, layout.firstBlock);
    return {
      freeBlocks: freeBytes / layout.blockSize,
      freeInodes,
      overhead: fixed + layout.journalBlocks,
      journal: journal && { block: extentRoot(this.#extentRoot(journal)), size: journal.size },
    };
  }

  /** The group descriptors, one behind the other: `struct ext4_group_desc[]`. */
  #makeDescriptors(): Bytes {
    const { layout, order } = this.#plan;
    const { groups, inodesPerGroup, blockSize } = layout;
    const directories = groups.map(() => 0);
    for (const { shape, number } of order) {
      if (shape) directories[Math.floor((number - 1) / inodesPerGroup)]!++;
    }
    const bytes = new Uint8Array(layout.descriptorBlocks * blockSize);
    groups.forEach((places, number) => {
      const used = this.#usedInodes(number);
      const descriptor = groupDescriptor(
        {
          ...places,
          number,
          freeBlocks: this.#freeByGroup[number]!.reduce((sum, { count }) => sum + count, 0),
          freeInodes: inodesPerGroup - used,
          directories: directories[number]!,
          unusedInodes: inodesPerGroup - used,
          blockBitmapChecksum: bitmapChecksum(this.#blockBitmap(number), layout.blocksPerGroup, this.seed),
          inodeBitmapChecksum: bitmapChecksum(this.#inodeBitmap(number), inodesPerGroup, this.seed),
        },
        this.seed,
      );
      bytes.set(descriptor, number * DESCRIPTOR_SIZE);
    });
    return bytes;
  }
}

/** `i_links_count`: the names of an inode. A directory with more than ext4 can count says 1 (`dir_nlink`). */
function linksOf({ node }: Inode): number {
  if (node === undefined) return 1;
  return node.kind === "directory" && node.links > MAX_LINKS ? 1 : node.links;
}

/** The free blocks of each group. */
function splitByGroup({ layout, free }: Plan): Run[][] {
  const { blocksPerGroup, firstBlock } = layout;
  const byGroup: Run[][] = layout.groups.map(() => []);
  for (const run of free) {
    const end = run.start + run.count;
    for (let start = run.start; start < end;) {
      const group = Math.floor((start - firstBlock) / blocksPerGroup);
      const stop = Math.min(end, firstBlock + (group + 1) * blocksPerGroup);
      byGroup[group]!.push({ start, count: stop - start });
      start = stop;
    }
  }
  return byGroup;
}
