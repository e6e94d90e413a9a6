import type { Bytes, Segment } from "./segment.ts";
import { bitmapChecksum, blockBitmap, inodeBitmap } from "./bitmap.ts";
import { extentRoot, extentsOf, extentTree, type ExtentNode } from "./extent.ts";
import {
  checksumSeed,
  EXTENTS_FL,
  groupDescriptor,
  INDEX_FL,
  INODE_BODY,
  JOURNAL_INODE,
  superblock,
  writeInode,
  type SuperblockFacts,
} from "./format.ts";
import { DESCRIPTOR_SIZE, INODE_SIZE, type Fixture, type Run } from "./layout.ts";
import { LONGEST_FAST_SYMLINK, type Inode, type Plan } from "./plan.ts";
import { Struct } from "./struct.ts";
import { xattrBody } from "./xattr.ts";

/** Makes what has a fixed place: superblocks with group descriptors, bitmaps, inode tables. */
export class Metadata {
  readonly seed: number;
  private readonly plan: Plan;
  private readonly freeByGroup: readonly (readonly Run[])[];
  private readonly facts: SuperblockFacts;
  private readonly descriptors: Bytes;

  constructor(plan: Plan) {
    this.plan = plan;
    this.seed = checksumSeed(plan.identity.uuid);
    this.freeByGroup = splitByGroup(plan);
    this.facts = this.superblockFacts();
    this.descriptors = this.makeDescriptors();
  }

  /** The blocks of a fixture, but for zeros at the end. */
  segments({ what, group, count }: Fixture): Iterable<Segment> {
    switch (what) {
      case "superblock":
        return [{ kind: "bytes", bytes: this.head(group, count) }];
      case "blockBitmap":
        return [{ kind: "bytes", bytes: this.blockBitmap(group) }];
      case "inodeBitmap":
        return [{ kind: "bytes", bytes: this.inodeBitmap(group) }];
      case "inodeTable":
        return this.inodeTable(group);
      default:
        return what satisfies never;
    }
  }

  /** A superblock, 1,024 bytes into the file system or at the beginning of its group, and all group descriptors. */
  private head(group: number, count: number): Bytes {
    const { layout, identity } = this.plan;
    const { blockSize } = layout;
    const bytes = new Uint8Array(count * blockSize);
    bytes.set(superblock(identity, layout, this.facts, group), group === 0 && blockSize > 1024 ? 1024 : 0);
    bytes.set(this.descriptors, blockSize);
    return bytes;
  }

  private blockBitmap(group: number): Bytes {
    return blockBitmap(this.plan.layout, group, this.freeByGroup[group]!);
  }

  private inodeBitmap(group: number): Bytes {
    return inodeBitmap(this.plan.layout, this.usedInodes(group));
  }

  /** Inodes in use in a group. They are the first ones, since numbers are given out in order. */
  private usedInodes(group: number): number {
    const { layout, inodes } = this.plan;
    const before = group * layout.inodesPerGroup;
    return Math.min(Math.max(inodes.length - 1 - before, 0), layout.inodesPerGroup);
  }

  /** Inodes in pieces of at most 256 KiB; what follows has never been used, and is zero. */
  private *inodeTable(group: number): Generator<Segment> {
    const { layout, inodes } = this.plan;
    const used = this.usedInodes(group);
    for (let done = 0; done < used;) {
      const some = Math.min(used - done, 1024);
      const table = new Struct(some * INODE_SIZE);
      const first = group * layout.inodesPerGroup + done + 1;
      for (let i = 0; i < some; i++) {
        const inode = inodes[first + i];
        table.base = i * INODE_SIZE;
        if (inode) this.writeInode(table, inode);
      }
      yield { kind: "bytes", bytes: table.bytes };
      done += some;
    }
  }

  private writeInode(table: Struct, inode: Inode): void {
    const { layout, identity } = this.plan;
    const { node, number, size, shape } = inode;
    const fast = node?.kind === "symlink" && size <= LONGEST_FAST_SYMLINK;
    const content = inode.runs.reduce((sum, { count }) => sum + count, 0);
    const facts = {
      number,
      mode: node?.mode ?? 0o100600,
      uid: node?.uid ?? 0,
      gid: node?.gid ?? 0,
      size,
      mtime: node?.mtime ?? identity.time,
      links: linksOf(inode),
      blocks: content + inode.tree.length + (inode.xattrBlock > 0 ? 1 : 0),
      blockSize: layout.blockSize,
      flags: (fast ? 0 : EXTENTS_FL) | (shape?.leaves ? INDEX_FL : 0),
      block: fast ? node.target! : this.extentRoot(inode),
      xattrBlock: inode.xattrBlock,
      body: inode.xattrs.body.length > 0 ? xattrBody(inode.xattrs.body, INODE_BODY) : undefined,
    };
    writeInode(table, facts, identity.time, this.seed);
  }

  private extentRoot(inode: Inode): ExtentNode {
    return extentTree(extentsOf(inode.runs), inode.tree, this.plan.layout.blockSize)[0]!;
  }

  private superblockFacts(): SuperblockFacts {
    const { layout, freeBytes, freeInodes, inodes } = this.plan;
    const journal = inodes[JOURNAL_INODE];
    const fixed = layout.fixtures.reduce((sum, { count }) => sum + count, layout.firstBlock);
    return {
      freeBlocks: freeBytes / layout.blockSize,
      freeInodes,
      overhead: fixed + layout.journalBlocks,
      journal: journal && { block: extentRoot(this.extentRoot(journal)), size: journal.size },
    };
  }

  /** The group descriptors, one behind the other: `struct ext4_group_desc[]`. */
  private makeDescriptors(): Bytes {
    const { layout, order } = this.plan;
    const { groups, inodesPerGroup, blockSize } = layout;
    const directories = groups.map(() => 0);
    for (const { shape, number } of order) {
      if (shape) directories[Math.floor((number - 1) / inodesPerGroup)]!++;
    }
    const bytes = new Uint8Array(layout.descriptorBlocks * blockSize);
    groups.forEach((places, number) => {
      const used = this.usedInodes(number);
      const descriptor = groupDescriptor(
        {
          ...places,
          number,
          freeBlocks: this.freeByGroup[number]!.reduce((sum, { count }) => sum + count, 0),
          freeInodes: inodesPerGroup - used,
          directories: directories[number]!,
          unusedInodes: inodesPerGroup - used,
          blockBitmapChecksum: bitmapChecksum(this.blockBitmap(number), layout.blocksPerGroup, this.seed),
          inodeBitmapChecksum: bitmapChecksum(this.inodeBitmap(number), inodesPerGroup, this.seed),
        },
        this.seed,
      );
      bytes.set(descriptor, number * DESCRIPTOR_SIZE);
    });
    return bytes;
  }
}

/** Names that lead to an inode; directories with more than ext4 can count say 1 (`dir_nlink`). */
function linksOf({ node }: Inode): number {
  if (node === undefined) return 1;
  return node.kind === "directory" && node.links > 65_000 ? 1 : node.links;
}

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
