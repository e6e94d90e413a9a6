import type { Entry } from "./entry.ts";
import { FilesystemError } from "./error.ts";
import { treeBlocks } from "./extent.ts";
import { INODE_BODY, JOURNAL_INODE, LOST_AND_FOUND_INODE, ROOT_INODE, type Identity } from "./format.ts";
import { shapeDirectory, type DirectoryShape } from "./htree.ts";
import {
  FIRST_INODE,
  freeRuns,
  INODE_SIZE,
  layOut,
  LONGEST_EXTENT,
  type Layout,
  type Run,
} from "./layout.ts";
import { blockSizeFor, checkSize, identify, inodesFor, LARGEST, type FilesystemOptions } from "./options.ts";
import { growTree, type Node, type Tree } from "./tree.ts";
import { homeXattrs, type XattrHomes } from "./xattr.ts";

/** Everything about a file system but the contents of its files: plain data. Places are block numbers. */
export interface Plan {
  /** Bytes of the image. */
  readonly size: number;
  readonly identity: Identity;
  readonly layout: Layout;
  /** Inodes in use, by number. */
  readonly inodes: readonly (Inode | undefined)[];
  /** The same inodes in the order in which their blocks lie. */
  readonly order: readonly Inode[];
  /** Blocks that nothing uses, ascending. */
  readonly free: readonly Run[];
  /** Bytes that files can still be given, whole blocks. */
  readonly freeBytes: number;
  /** Inodes that are not in use. */
  readonly freeInodes: number;
}

/** An inode and its blocks: one for extended attributes, then the content, then the extent tree, ascending. */
export interface Inode {
  readonly number: number;
  /** Nothing for the journal. */
  readonly node: Node | undefined;
  /** Bytes of content. */
  readonly size: number;
  /** Where the content lies. */
  readonly runs: readonly Run[];
  /** Blocks of the extent tree. */
  readonly tree: readonly number[];
  readonly xattrs: XattrHomes;
  /** The block of extended attributes, or 0. */
  readonly xattrBlock: number;
  /** A directory's names. */
  readonly shape: DirectoryShape | undefined;
}

const MIB = 1024 * 1024;
/** A symbolic link below this length stands in the inode itself: `i_block` has 60 bytes, one for a NUL. */
export const LONGEST_FAST_SYMLINK = 59;
const NOTHING: readonly number[] = [];
const NO_XATTRS: XattrHomes = { body: [], block: [] };

/**
 * Decide where everything goes. No content is read. Throws `FilesystemError` for what cannot be stored, naming the
 * path; when there is no room, the error says how many bytes are `missing` and which image size would do.
 */
export function plan(entries: Iterable<Entry>, options: FilesystemOptions): Plan {
  checkSize(options.size);
  const identity = identify(options);
  const tree = growTree(entries, options.time);
  const laid = layTree(tree, options.size, identity, options);
  if (typeof laid !== "number") return laid;
  throw doesNotFit(laid, options.size, (size) => {
    const other = layTree(tree, size, identity, options);
    return typeof other === "number" ? other : 0;
  });
}

/** Find the size that would do, in whole MiB. */
function doesNotFit(missing: number, size: number, missingAt: (size: number) => number): FilesystemError {
  let fittingSize: number | undefined;
  for (let next = size, lacking = missing; lacking > 0;) {
    next = Math.ceil((next + lacking) / MIB) * MIB;
    if (next > LARGEST) break;
    lacking = missingAt(next);
    if (lacking === 0) fittingSize = next;
  }
  const advice =
    fittingSize === undefined
      ? `and no size up to ${LARGEST} would do`
      : `an image of ${fittingSize} bytes (${fittingSize / MIB} MiB) would do`;
  const message = `the entries are ${missing} bytes too large for an image of ${size} bytes; ${advice}`;
  return new FilesystemError(message, fittingSize === undefined ? { missing } : { missing, fittingSize });
}

/** The number of a node's inode: the root's is fixed, the others follow lost+found's. */
export function numberOf({ index }: Node): number {
  return index === 0 ? ROOT_INODE : LOST_AND_FOUND_INODE - 1 + index;
}

/** The plan for an image of `size` bytes, or how many bytes are missing. */
function layTree(tree: Tree, size: number, identity: Identity, options: FilesystemOptions): Plan | number {
  const blockSize = blockSizeFor(size, options);
  const needed = FIRST_INODE - 1 + tree.nodes.length - 1; // the root is one of the first ten
  const inodeCount = inodesFor(size, blockSize, needed, options);
  const layout = layOut(size, blockSize, inodeCount);
  if (layout === undefined) {
    if (options.inodes !== undefined) {
      throw new FilesystemError(`${inodeCount} inodes do not fit into an image of ${size} bytes`);
    }
    const content = tree.nodes.reduce((sum, { content: of }) => sum + (of?.length ?? 0), 0);
    return Math.max(inodeCount * INODE_SIZE + content - size, blockSize); // at the least
  }
  const space = new Space(freeRuns(layout));
  const inodes: (Inode | undefined)[] = [];
  const order: Inode[] = [];

  if (layout.journalBlocks > 0) {
    const runs = space.take(layout.journalBlocks);
    const journal: Inode = {
      number: JOURNAL_INODE,
      node: undefined,
      size: layout.journalBlocks * blockSize,
      runs,
      tree: space.takeSingly(treeBlocks(extentCount(runs), blockSize)),
      xattrs: NO_XATTRS,
      xattrBlock: 0,
      shape: undefined,
    };
    inodes[JOURNAL_INODE] = journal;
    order.push(journal);
  }

  // Directories and links first, so that looking around reads one stretch of the disk.
  for (const wanted of [false, true]) {
    for (const node of tree.nodes) {
      if ((node.kind === "file") !== wanted) continue;
      const inode = layNode(node, blockSize, identity, space);
      inodes[inode.number] = inode;
      order.push(inode);
    }
  }
  if (space.missing > 0) return space.missing * blockSize;

  const free = space.left();
  const freeBlocks = free.reduce((sum, { count }) => sum + count, 0);
  const freeInodes = layout.inodesPerGroup * layout.groups.length - needed;
  return {
    size,
    identity,
    layout,
    inodes,
    order,
    free,
    freeBytes: freeBlocks * blockSize,
    freeInodes,
  };
}

function layNode(node: Node, blockSize: number, { hashSeed }: Identity, space: Space): Inode {
  const { path } = node;
  const number = numberOf(node);
  const xattrs = node.xattrs.length > 0 ? homeXattrs(node.xattrs, INODE_BODY, blockSize, path) : NO_XATTRS;
  const xattrBlock = xattrs.block.length > 0 ? space.takeSingly(1)[0]! : 0;
  const shape = node.kind === "directory" ? shapeOf(node, blockSize, hashSeed) : undefined;
  const size = shape ? shape.blocks * blockSize : (node.content ?? node.target)!.length;
  if (node.kind === "symlink" && size >= blockSize) {
    const message = `the link's target has ${size} bytes, and there is room for ${blockSize - 1}`;
    throw new FilesystemError(message, { path });
  }
  const inline = node.kind === "symlink" && size <= LONGEST_FAST_SYMLINK;
  const runs = space.take(inline ? 0 : Math.ceil(size / blockSize));
  const tree = space.takeSingly(treeBlocks(extentCount(runs), blockSize));
  return { number, node, size, runs, tree, xattrs, xattrBlock, shape };
}

function shapeOf(node: Node, blockSize: number, hashSeed: readonly number[]): DirectoryShape {
  const shape = shapeDirectory(node.children!, blockSize, hashSeed, node.path);
  const least = numberOf(node) === LOST_AND_FOUND_INODE ? lostAndFoundBlocks(blockSize) : 1;
  return shape.blocks < least && !shape.leaves ? { ...shape, blocks: least } : shape;
}

function extentCount(runs: readonly Run[]): number {
  let extents = 0;
  for (const { count } of runs) extents += Math.ceil(count / LONGEST_EXTENT);
  return extents;
}

/** As mke2fs makes it: empty blocks in store for e2fsck, 16 KiB or what twelve direct blocks would hold. */
function lostAndFoundBlocks(blockSize: number): number {
  return Math.min(12, (16 * 1024) / blockSize);
}

/** Free blocks, given out in ascending order. What exceeds them is counted, in order to say how much is missing. */
class Space {
  missing = 0;
  private readonly runs: readonly Run[];
  private index = 0;
  private used = 0;

  constructor(runs: readonly Run[]) {
    this.runs = runs;
  }

  take(count: number): Run[] {
    const taken: Run[] = [];
    for (let wanted = count; wanted > 0;) {
      const run = this.runs[this.index];
      if (run === undefined) {
        this.missing += wanted;
        break;
      }
      const some = Math.min(wanted, run.count - this.used);
      if (some > 0) taken.push({ start: run.start + this.used, count: some });
      this.used += some;
      wanted -= some;
      if (this.used === run.count) {
        this.index++;
        this.used = 0;
      }
    }
    return taken;
  }

  /** The same as single block numbers. */
  takeSingly(count: number): readonly number[] {
    if (count === 0) return NOTHING;
    return this.take(count).flatMap((run) => Array.from({ length: run.count }, (_, i) => run.start + i));
  }

  left(): Run[] {
    const [first, ...rest] = this.runs.slice(this.index);
    if (first === undefined) return [];
    return [{ start: first.start + this.used, count: first.count - this.used }, ...rest];
  }
}
