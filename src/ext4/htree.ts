import type { Bytes } from "./segment.ts";
import { crc32c, crc32cWord } from "./crc32c.ts";
import { directoryBlock, dots, recordLength, TAIL, writeRecord, type Record } from "./directory.ts";
import { FilesystemError } from "./error.ts";
import { nameHash } from "./hash.ts";
import { Struct } from "./struct.ts";
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

/** Where the index entries begin in the root (behind ".", ".." and `dx_root_info`) and in other nodes. */
const ROOT_ENTRIES = 0x20;
const NODE_ENTRIES = 0x08;
/** `struct dx_entry` and `struct dx_tail` have eight bytes. */
const DX_ENTRY = 8;
/** `DX_HASH_HALF_MD4`. */
export const HALF_MD4 = 1;

const UTF8 = new TextEncoder();

/**
 * Spread names over blocks: one block while they fit, and from then on an index over hashes ("htree"). Throws
 * `FilesystemError`, naming `path`, when two levels of index are too few: without the feature large_dir, the kernel
 * takes no more.
 */
export function shapeDirectory(
  children: readonly Child[],
  blockSize: number,
  hashSeed: readonly number[],
  path: string,
): DirectoryShape {
  const room = blockSize - TAIL;
  let bytes = 2 * recordLength(2); // "." and ".."
  for (const child of children) bytes += recordLength(child.length);
  if (bytes <= room) return { children, blocks: 1 };

  const { ordered, hashes } = byHash(children, hashSeed);
  const leaves: Leaf[] = [];
  let left = 0;
  for (let i = 0; i < ordered.length; i++) {
    const length = recordLength(ordered[i]!.length);
    if (length > left) {
      const again = i > 0 && hashes[i] === hashes[i - 1] ? 1 : 0;
      leaves.push({ first: i, hash: hashes[i]! + again });
      left = room;
    }
    left -= length;
  }
  const nodes = nodesFor(leaves.length, blockSize);
  if (nodes > limit(blockSize, ROOT_ENTRIES)) {
    const most = limit(blockSize, ROOT_ENTRIES) * limit(blockSize, NODE_ENTRIES);
    throw new FilesystemError(
      `${children.length} names take ${leaves.length} blocks of ${blockSize}, and a directory has ${most} at most`,
      { path },
    );
  }
  return { children: ordered, blocks: 1 + nodes + leaves.length, leaves };
}

/** The blocks of a directory, one by one. `recordOf` says what a child leads to; `seed` is the inode's. */
export function* directoryBlocks(
  shape: DirectoryShape,
  inode: number,
  parent: number,
  recordOf: (child: Child) => Record,
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
  const perNode = limit(blockSize, NODE_ENTRIES);
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

/** `struct dx_root`: to those who know no index, a block with "." and ".." alone. */
function indexRoot(
  pointers: readonly Pointer[],
  levels: number,
  [dot, dotdot]: [Record, Record],
  blockSize: number,
  seed: number,
): Bytes {
  const s = new Struct(blockSize);
  writeRecord(s, 0x00, dot, 12);
  writeRecord(s, 0x0c, dotdot, blockSize - 12);
  // dx_root_info; reserved_zero and unused_flags stay zero
  s.u8(0x1c, HALF_MD4); // hash_version
  s.u8(0x1d, 8); // info_length
  s.u8(0x1e, levels); // indirect_levels
  writePointers(s, ROOT_ENTRIES, pointers, seed);
  return s.bytes;
}

/** `struct dx_node`: to those who know no index, a block with one unused entry. */
function indexNode(pointers: readonly Pointer[], blockSize: number, seed: number): Bytes {
  const s = new Struct(blockSize);
  s.u16(0x04, blockSize); // fake.rec_len; inode, name_len and file_type stay zero
  writePointers(s, NODE_ENTRIES, pointers, seed);
  return s.bytes;
}

/** `struct dx_entry`s. The first has no hash, being for all that is below the second: `dx_countlimit` is there. */
function writePointers(s: Struct, start: number, pointers: readonly Pointer[], seed: number): void {
  const most = limit(s.bytes.length, start);
  pointers.forEach(({ hash, block }, i) => {
    s.u32(start + DX_ENTRY * i, hash); // hash
    s.u32(start + DX_ENTRY * i + 4, block); // block
  });
  s.u16(start, most); // limit
  s.u16(start + 2, pointers.length); // count
  // struct dx_tail, over the entries in use and itself; dt_reserved stays zero
  const counted = crc32c(seed, s.bytes, 0, start + DX_ENTRY * pointers.length);
  s.u32(start + DX_ENTRY * most + 4, crc32cWord(crc32cWord(counted, 0), 0)); // dt_checksum
}

/** How many entries an index block holds from `start` to its tail. */
function limit(blockSize: number, start: number): number {
  return (blockSize - start - DX_ENTRY) / DX_ENTRY;
}

/** Index blocks between the root and so many leaves. */
function nodesFor(leaves: number, blockSize: number): number {
  return leaves <= limit(blockSize, ROOT_ENTRIES) ? 0 : Math.ceil(leaves / limit(blockSize, NODE_ENTRIES));
}

/** Children by hash, and by name where hashes agree, so that the order is the same each time. */
function byHash(children: readonly Child[], seed: readonly number[]) {
  const buffer = new Uint8Array(256);
  const majors = new Uint32Array(children.length);
  const minors = new Uint32Array(children.length);
  children.forEach(({ name, length }, i) => {
    UTF8.encodeInto(name, buffer);
    const { major, minor } = nameHash(buffer, length, seed);
    majors[i] = major;
    minors[i] = minor;
  });
  const order = Uint32Array.from(children, (_, i) => i);
  order.sort((a, b) => majors[a]! - majors[b]! || minors[a]! - minors[b]! || a - b);
  const ordered = Array.from(order, (i) => children[i]!);
  return { ordered, hashes: Array.from(order, (i) => majors[i]!) };
}
