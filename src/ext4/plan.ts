import type { Entry } from "./entry.ts";
import type { Bytes, Content } from "./segment.ts";
import { FilesystemError } from "./error.ts";
import { treeBlocks, MAX_FILE_BLOCKS, type Extent } from "./extent.ts";
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
import { blockSizeFor, checkSize, identify, inodesFor, MAX_SIZE, type FilesystemOptions } from "./options.ts";
import { buildTree, type Node, type Tree } from "./tree.ts";
import { placeXattrs, type XattrPlaces } from "./xattr.ts";

/** A file system without the contents of its files, as plain data. Places are block numbers. */
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
  /** Where the content lies, by logical block. What is between is holes. */
  readonly runs: readonly Extent[];
  /** Blocks of the extent tree. */
  readonly tree: readonly number[];
  readonly xattrs: XattrPlaces;
  /** The block of extended attributes, or 0. */
  readonly xattrBlock: number;
  /** A directory's names. */
  readonly shape: DirectoryShape | undefined;
}

const MIB = 1024 * 1024;
/** Bytes of the longest target that is stored in the inode itself: `i_block` has 60, one of them for a NUL. */
export const LONGEST_FAST_SYMLINK = 59;
const NO_BLOCKS: readonly number[] = [];
const NO_XATTRS: XattrPlaces = { body: [], block: [] };

/**
 * Decide where everything goes, without reading any content. Throws `FilesystemError` for an option that is out of range
 * and, naming its path, for an entry that cannot be stored. When there is no room, the error says how many bytes are
 * `missing` and which image size would do.
 */
export function plan(entries: Iterable<Entry>, options: FilesystemOptions): Plan {
  checkSize(options.size);
  const identity = identify(options);
  const tree = buildTree(entries, options.time);
  const laid = placeTree(tree, options.size, identity, options);
  if (typeof laid !== "number") return laid;
  throw doesNotFit(laid, options.size, (size) => {
    const other = placeTree(tree, size, identity, options);
    return typeof other === "number" ? other : 0;
  });
}

/** The error for entries that do not fit. Tries sizes in whole MiB until one is enough. */
function doesNotFit(missing: number, size: number, missingAt: (size: number) => number): FilesystemError {
  let fittingSize: number | undefined;
  for (let next = size, lacking = missing; lacking > 0;) {
    next = Math.ceil((next + lacking) / MIB) * MIB;
    if (next > MAX_SIZE) break;
    lacking = missingAt(next);
    if (lacking === 0) fittingSize = next;
  }
  const advice =
    fittingSize === undefined
      ? `and no size up to ${MAX_SIZE} would do`
      : `an image of ${fittingSize} bytes (${fittingSize / MIB} MiB) would do`;
  const message = `the entries are ${missing} bytes too large for an image of ${size} bytes; ${advice}`;
  return new FilesystemError(message, fittingSize === undefined ? { missing } : { missing, fittingSize });
}

/** The number of a node's inode: the root's is 2, the others follow lost+found's, in the order of the nodes. */
export function numberOf({ index }: Node): number {
  return index === 0 ? ROOT_INODE : LOST_AND_FOUND_INODE - 1 + index;
}

/** The plan for an image of `size` bytes, or the number of bytes that are missing. */
function placeTree(tree: Tree, size: number, identity: Identity, options: FilesystemOptions): Plan | number {
  const blockSize = blockSizeFor(size, options);
  const needed = FIRST_INODE - 1 + tree.nodes.length - 1; // the root is one of the first ten
  const inodeCount = inodesFor(size, blockSize, needed, options);
  const layout = layOut(size, blockSize, inodeCount);
  if (layout === undefined) {
    if (options.inodes !== undefined) {
      throw new FilesystemError(`${inodeCount} inodes do not fit into an image of ${size} bytes`);
    }
    const content = tree.nodes.reduce((sum, { content: of }) => sum + (of ? dataLength(of) : 0), 0);
    return Math.max(inodeCount * INODE_SIZE + content - size, blockSize); // a lower bound
  }
  const allocator = new BlockAllocator(freeRuns(layout));
  const inodes: (Inode | undefined)[] = [];
  const order: Inode[] = [];

  if (layout.journalBlocks > 0) {
    const runs = allocator.allocateFor([{ start: 0, count: layout.journalBlocks }]);
    const journal: Inode = {
      number: JOURNAL_INODE,
      node: undefined,
      size: layout.journalBlocks * blockSize,
      runs,
      tree: allocator.allocateSingly(treeBlocks(extentCount(runs), blockSize)),
      xattrs: NO_XATTRS,
      xattrBlock: 0,
      shape: undefined,
    };
    inodes[JOURNAL_INODE] = journal;
    order.push(journal);
  }

  // Directories and symbolic links come first, so that listing them reads one part of the disk.
  for (const filesNow of [false, true]) {
    for (const node of tree.nodes) {
      if ((node.kind === "file") !== filesNow) continue;
      const inode = placeNode(node, blockSize, identity, allocator);
      inodes[inode.number] = inode;
      order.push(inode);
    }
  }
  if (allocator.missing > 0) return allocator.missing * blockSize;

  const free = allocator.free();
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

function placeNode(node: Node, blockSize: number, { hashSeed }: Identity, allocator: BlockAllocator): Inode {
  const { path } = node;
  const number = numberOf(node);
  const xattrs = node.xattrs.length > 0 ? placeXattrs(node.xattrs, INODE_BODY, blockSize, path) : NO_XATTRS;
  const xattrBlock = xattrs.block.length > 0 ? allocator.allocateSingly(1)[0]! : 0;
  const shape = node.kind === "directory" ? shapeOf(node, blockSize, hashSeed) : undefined;
  const size = shape ? shape.blocks * blockSize : (node.content ?? node.target)!.length;
  if (node.kind === "symlink" && size >= blockSize) {
    const message = `the link's target has ${size} bytes, and there is room for ${blockSize - 1}`;
    throw new FilesystemError(message, { path });
  }
  const inline = node.kind === "symlink" && size <= LONGEST_FAST_SYMLINK;
  if (size > MAX_FILE_BLOCKS * blockSize) {
    const most = MAX_FILE_BLOCKS * blockSize;
    throw new FilesystemError(`it has ${size} bytes, and with blocks of ${blockSize} ${most} are the most`, {
      path,
    });
  }
  const runs = allocator.allocateFor(inline ? [] : storedBlocks(node.content, size, blockSize));
  const tree = allocator.allocateSingly(treeBlocks(extentCount(runs), blockSize));
  return { number, node, size, runs, tree, xattrs, xattrBlock, shape };
}

function shapeOf(node: Node, blockSize: number, hashSeed: readonly number[]): DirectoryShape {
  const shape = shapeDirectory(node.children!, blockSize, hashSeed, node.path);
  const least = numberOf(node) === LOST_AND_FOUND_INODE ? lostAndFoundBlocks(blockSize) : 1;
  return shape.blocks < least && !shape.leaves ? { ...shape, blocks: least } : shape;
}

/**
 * The logical blocks of a file that are stored: those with data, and the first of all. GRUB up to 2.06 cannot read a
 * file that begins with a hole.
 */
function storedBlocks(content: Bytes | Content | undefined, size: number, blockSize: number): Run[] {
  const blocks = Math.ceil(size / blockSize);
  if (!content || content instanceof Uint8Array || !content.data) return [{ start: 0, count: blocks }];
  const stored: { start: number; count: number }[] = blocks > 0 ? [{ start: 0, count: 1 }] : [];
  for (const { start, length } of content.data) {
    const first = Math.floor(start / blockSize);
    const end = Math.ceil((start + length) / blockSize);
    const last = stored.at(-1)!;
    const lastEnd = last.start + last.count;
    if (first > lastEnd) stored.push({ start: first, count: end - first });
    else last.count = Math.max(lastEnd, end) - last.start;
  }
  return stored;
}

/** How many bytes of a content are no holes. */
function dataLength(content: Bytes | Content): number {
  if (content instanceof Uint8Array || !content.data) return content.length;
  return content.data.reduce((sum, { length }) => sum + length, 0);
}

function extentCount(runs: readonly Run[]): number {
  let extents = 0;
  for (const { count } of runs) extents += Math.ceil(count / LONGEST_EXTENT);
  return extents;
}

/** As many empty blocks as mke2fs makes for e2fsck to use: 16 KiB, or what twelve direct blocks would hold. */
function lostAndFoundBlocks(blockSize: number): number {
  return Math.min(12, (16 * 1024) / blockSize);
}

/** Gives out free blocks in ascending order. Blocks that it does not have are counted in `missing`. */
class BlockAllocator {
  missing = 0;
  readonly #runs: readonly Run[];
  #index = 0;
  #used = 0;

  constructor(runs: readonly Run[]) {
    this.#runs = runs;
  }

  allocate(count: number): Run[] {
    const allocated: Run[] = [];
    for (let wanted = count; wanted > 0;) {
      const run = this.#runs[this.#index];
      if (run === undefined) {
        this.missing += wanted;
        break;
      }
      const some = Math.min(wanted, run.count - this.#used);
      if (some > 0) allocated.push({ start: run.start + this.#used, count: some });
      this.#used += some;
      wanted -= some;
      if (this.#used === run.count) {
        this.#index++;
        this.#used = 0;
      }
    }
    return allocated;
  }

  /** For these logical blocks of a file. */
  allocateFor(logical: readonly Run[]): Extent[] {
    return logical.flatMap(({ start, count }) => {
      let next = start;
      return this.allocate(count).map((run) => {
        const extent = { logical: next, ...run };
        next += run.count;
        return extent;
      });
    });
  }

  /** The same as single block numbers. */
  allocateSingly(count: number): readonly number[] {
    if (count === 0) return NO_BLOCKS;
    return this.allocate(count).flatMap((run) => Array.from({ length: run.count }, (_, i) => run.start + i));
  }

  /** What has not been given out. */
  free(): Run[] {
    const [first, ...rest] = this.#runs.slice(this.#index);
    if (first === undefined) return [];
    return [{ start: first.start + this.#used, count: first.count - this.#used }, ...rest];
  }
}
