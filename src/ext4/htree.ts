import type { Bytes } from "./segment.ts";
import { crc32c, crc32cWord } from "./crc32c.ts";
import { directoryBlock, dots, recordLength, writeRecord, type DirectoryRecord } from "./directory.ts";
import { FilesystemError } from "./error.ts";
import {
  DIR_ENTRY,
  DIR_ENTRY_TAIL_SIZE,
  DX_COUNTLIMIT,
  DX_ENTRY,
  DX_ENTRY_SIZE,
  DX_NODE_ENTRIES,
  DX_ROOT,
  DX_ROOT_ENTRIES,
  DX_TAIL,
  DX_TAIL_SIZE,
} from "./fields.ts";
import { HALF_MD4, nameHash } from "./hash.ts";
import { Struct } from "./struct.ts";
import { writeText } from "./text.ts";
import type { Child } from "./tree.ts";

/** How a directory's names are spread over blocks. */
export interface DirectoryShape {
  /** In the order they are stored: by name in a single block, by hash when there is an index. */
  readonly children: readonly Child[];
  /** Blocks in all. */
  readonly blocks: number;
  /** For a directory with an index (`EXT4_INDEX_FL`): its leaves, in order of hash. */
  readonly leaves?: readonly Leaf[];
}

interface Leaf {
  /** Index of the first child in it. */
  readonly first: number;
  /** The least hash in it; bit 0 says that the leaf before ends with the same hash. */
  readonly hash: number;
}

/**
 * Spread names over blocks: one block if they fit, otherwise leaves under an index over their hashes ("htree"). Throws
 * `FilesystemError`, naming `path`, when two levels of index are too few: without the feature large_dir, the kernel
 * takes no more.
 */
export function shapeDirectory(
  children: readonly Child[],
  blockSize: number,
  hashSeed: readonly number[],
  path: string,
): DirectoryShape {
  const room = blockSize - DIR_ENTRY_TAIL_SIZE;
  let bytes = 2 * recordLength(2); // "." and ".."
  for (const child of children) bytes += recordLength(child.length);
  if (bytes <= room) return { children, blocks: 1 };

  const { ordered, hashes } = byHash(children, hashSeed);
  const leaves: Leaf[] = [];
  let left = 0;
  for (let i = 0; i < ordered.length; i++) {
    const length = recordLength(ordered[i]!.length);
    if (length > left) {
      const continued = i > 0 && hashes[i] === hashes[i - 1] ? 1 : 0;
      leaves.push({ first: i, hash: hashes[i]! + continued });
      left = room;
    }
    left -= length;
  }
  const nodes = nodesFor(leaves.length, blockSize);
  if (nodes > limit(blockSize, DX_ROOT_ENTRIES)) {
    const most = limit(blockSize, DX_ROOT_ENTRIES) * limit(blockSize, DX_NODE_ENTRIES);
    throw new FilesystemError(
      `${children.length} names take ${leaves.length} blocks of ${blockSize}, and a directory has ${most} at most`,
      { path },
    );
  }
  return { children: ordered, blocks: 1 + nodes + leaves.length, leaves };
}

/** The blocks of a directory, one by one. `recordOf` gives the record of a child; `seed` is the inode's. */
export function* directoryBlocks(
  shape: DirectoryShape,
  inode: number,
  parent: number,
  recordOf: (child: Child) => DirectoryRecord,
  blockSize: number,
  seed: number,
): Generator<Bytes> {
  const { children, leaves } = shape;
  if (leaves === undefined) {
    yield directoryBlock([...dots(inode, parent), ...children.map(recordOf)], blockSize, seed);
    for (let i = 1; i < shape.blocks; i++) yield directoryBlock([], blockSize, seed);
    return;
  }
  const nodes = nodesFor(leaves.length, blockSize);
  const perNode = limit(blockSize, DX_NODE_ENTRIES);
  const pointers = leaves.map(({ hash }, i) => ({ hash, block: 1 + nodes + i }));
  const above = Array.from({ length: nodes }, (_, i) => ({
    hash: pointers[i * perNode]!.hash,
    block: 1 + i,
  }));
  yield indexRoot(nodes > 0 ? above : pointers, nodes > 0 ? 1 : 0, dots(inode, parent), blockSize, seed);
  for (let i = 0; i < nodes; i++) {
    yield indexNode(pointers.slice(i * perNode, (i + 1) * perNode), blockSize, seed);
  }
  for (let i = 0; i < leaves.length; i++) {
    const records = children.slice(leaves[i]!.first, leaves[i + 1]?.first).map(recordOf);
    yield directoryBlock(records, blockSize, seed);
  }
}

interface Pointer {
  readonly hash: number;
  /** A block of the directory, counted from its own beginning. */
  readonly block: number;
}

/** `struct dx_root`. A reader that ignores the index sees a block with "." and ".." alone. */
function indexRoot(
  pointers: readonly Pointer[],
  levels: number,
  [dot, dotdot]: [DirectoryRecord, DirectoryRecord],
  blockSize: number,
  seed: number,
): Bytes {
  const s = new Struct(blockSize);
  writeRecord(s, 0x00, dot, 12);
  writeRecord(s, 0x0c, dotdot, blockSize - 12);
  s.set(DX_ROOT.hash_version, HALF_MD4); // reserved_zero before it stays zero
  s.set(DX_ROOT.info_length, 8);
  s.set(DX_ROOT.indirect_levels, levels); // unused_flags after it stay zero
  writePointers(s, DX_ROOT_ENTRIES, pointers, seed);
  return s.bytes;
}

/** `struct dx_node`. A reader that ignores the index sees a block with one unused entry. */
function indexNode(pointers: readonly Pointer[], blockSize: number, seed: number): Bytes {
  const s = new Struct(blockSize);
  s.set(DIR_ENTRY.rec_len, blockSize); // inode, name_len and file_type stay zero
  writePointers(s, DX_NODE_ENTRIES, pointers, seed);
  return s.bytes;
}

/** `struct dx_entry`s. The first needs no hash, since it is for all names below the second: `dx_countlimit` is there. */
function writePointers(s: Struct, start: number, pointers: readonly Pointer[], seed: number): void {
  const max = limit(s.bytes.length, start);
  pointers.forEach(({ hash, block }, i) => {
    s.set(DX_ENTRY.hash, hash, start + DX_ENTRY_SIZE * i);
    s.set(DX_ENTRY.block, block, start + DX_ENTRY_SIZE * i);
  });
  s.set(DX_COUNTLIMIT.limit, max, start);
  s.set(DX_COUNTLIMIT.count, pointers.length, start);
  s.set(DX_TAIL.dt_checksum, indexChecksum(s, start, seed), start + DX_ENTRY_SIZE * max); // dt_reserved stays zero
}

/** `dt_checksum`: over the block up to the last entry in use, then over the tail with itself as zero. */
export function indexChecksum(s: Struct, start: number, seed: number): number {
  const tail = start + DX_ENTRY_SIZE * s.get(DX_COUNTLIMIT.limit, start);
  const end = start + DX_ENTRY_SIZE * s.get(DX_COUNTLIMIT.count, start);
  const counted = crc32c(crc32c(seed, s.bytes, 0, end), s.bytes, tail, tail + DX_TAIL.dt_checksum.offset);
  return crc32cWord(counted, 0);
}

/** How many entries an index block holds from `start` to its tail. */
function limit(blockSize: number, start: number): number {
  return (blockSize - start - DX_TAIL_SIZE) / DX_ENTRY_SIZE;
}

/** How many index blocks there are between the root and this many leaves. */
function nodesFor(leaves: number, blockSize: number): number {
  return leaves <= limit(blockSize, DX_ROOT_ENTRIES)
    ? 0
    : Math.ceil(leaves / limit(blockSize, DX_NODE_ENTRIES));
}

/** Children by hash, and by name where hashes agree, so that the order is the same each time. */
function byHash(children: readonly Child[], seed: readonly number[]) {
  const buffer = new Uint8Array(256);
  const majors = new Uint32Array(children.length);
  const minors = new Uint32Array(children.length);
  children.forEach(({ name, length }, i) => {
    writeText(name, buffer);
    const { major, minor } = nameHash(buffer, length, seed);
    majors[i] = major;
    minors[i] = minor;
  });
  const order = Uint32Array.from(children, (_, i) => i);
  order.sort((a, b) => majors[a]! - majors[b]! || minors[a]! - minors[b]! || a - b);
  const ordered = Array.from(order, (i) => children[i]!);
  return { ordered, hashes: Array.from(order, (i) => majors[i]!) };
}
