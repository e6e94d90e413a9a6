import type { Bytes } from "./segment.ts";
import { crc32c, crc32cWord } from "./crc32c.ts";
import { FilesystemError } from "./error.ts";
import type { Extent } from "./extent.ts";
import {
  EXTENTS_FL,
  FEATURE_COMPAT,
  FEATURE_INCOMPAT,
  FEATURE_RO_COMPAT,
  HAS_JOURNAL,
  inodeSeed,
} from "./format.ts";
import { DESCRIPTOR_SIZE, INODE_SIZE, LONGEST_EXTENT } from "./layout.ts";
import { nanosecondsSince1970 } from "./time.ts";
import { readXattrs, type Xattr } from "./xattr.ts";

// The inverse of format.ts, extent.ts and directory.ts: bytes to values. Each function checks its checksum first, then
// every number that is used to go on, and throws `FilesystemError`.

const INCOMPAT_RECOVER = 0x4;

/** What a reader needs of `struct ext4_super_block`. */
export interface Superblock {
  readonly blockSize: number;
  readonly blocks: number;
  readonly firstBlock: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly groups: number;
  readonly uuid: Bytes;
  readonly label: string;
  /** Nanoseconds since 1970. */
  readonly made: bigint;
}

export function parseSuperblock(bytes: Bytes): Superblock {
  const v = viewOf(bytes);
  if (v.getUint16(0x38, true) !== 0xef53)
    throw new FilesystemError("no ext4 file system: the magic number is missing");
  demand(
    v.getUint32(0x3fc, true) === crc32c(0xffff_ffff, bytes, 0, 0x3fc),
    "the superblock's checksum is wrong",
  );
  const incompat = v.getUint32(0x60, true);
  if (incompat & INCOMPAT_RECOVER) {
    throw new FilesystemError("the journal has to be replayed first: mount it once, or run e2fsck");
  }
  const compat = v.getUint32(0x5c, true);
  const known =
    (compat | HAS_JOURNAL) === FEATURE_COMPAT &&
    incompat === FEATURE_INCOMPAT &&
    v.getUint32(0x64, true) === FEATURE_RO_COMPAT;
  demand(known, "other features than this reader knows");
  const log = v.getUint32(0x18, true);
  demand(log <= 2, `blocks of 2^${10 + log} bytes`);
  const blockSize = 1024 * 2 ** log;
  const blocks = v.getUint32(0x04, true);
  const firstBlock = v.getUint32(0x14, true);
  const blocksPerGroup = v.getUint32(0x20, true);
  const inodesPerGroup = v.getUint32(0x28, true);
  const groups = Math.ceil((blocks - firstBlock) / blocksPerGroup);
  const sane =
    firstBlock === (log === 0 ? 1 : 0) &&
    blocksPerGroup === blockSize * 8 &&
    inodesPerGroup > 0 &&
    inodesPerGroup <= blockSize * 8 &&
    inodesPerGroup % 8 === 0 &&
    blocks > firstBlock &&
    v.getUint32(0x150, true) === 0 &&
    v.getUint32(0x00, true) === inodesPerGroup * groups &&
    v.getUint16(0x58, true) === INODE_SIZE &&
    v.getUint16(0xfe, true) === DESCRIPTOR_SIZE;
  demand(sane, "a superblock that contradicts itself");
  const label = bytes.subarray(0x78, 0x88);
  const end = label.indexOf(0);
  return {
    blockSize,
    blocks,
    firstBlock,
    blocksPerGroup,
    inodesPerGroup,
    groups,
    freeBlocks: v.getUint32(0x0c, true),
    freeInodes: v.getUint32(0x10, true),
    uuid: bytes.slice(0x68, 0x78),
    label: new TextDecoder("utf-8", { ignoreBOM: true }).decode(end < 0 ? label : label.subarray(0, end)),
    made: BigInt(v.getUint32(0x108, true) + v.getUint8(0x276) * 0x1_0000_0000) * 1_000_000_000n,
  };
}

/** Where a group's inode table begins, and its bitmaps with what their checksums should be. */
export interface Group {
  readonly inodeTable: number;
  readonly bitmaps: readonly { readonly block: number; readonly bits: number; readonly checksum: number }[];
}

/** `bytes` are one `struct ext4_group_desc`. */
export function parseGroup(bytes: Bytes, number: number, sb: Superblock, seed: number): Group {
  const v = viewOf(bytes);
  const before = crc32cWord(seed, number);
  const two = new Uint8Array(2);
  const expected = crc32c(crc32c(crc32c(before, bytes, 0, 0x1e), two), bytes, 0x20) & 0xffff;
  demand(v.getUint16(0x1e, true) === expected, `the checksum of group descriptor ${number} is wrong`);
  const flags = v.getUint16(0x12, true);
  const checksumAt = (low: number, high: number) =>
    v.getUint16(low, true) + v.getUint16(high, true) * 0x1_0000;
  const bitmaps = [
    { block: v.getUint32(0x00, true), bits: sb.blocksPerGroup, checksum: checksumAt(0x18, 0x38), uninit: 2 },
    { block: v.getUint32(0x04, true), bits: sb.inodesPerGroup, checksum: checksumAt(0x1a, 0x3a), uninit: 1 },
  ];
  return { inodeTable: v.getUint32(0x08, true), bitmaps: bitmaps.filter(({ uninit }) => !(flags & uninit)) };
}

/** What a reader needs of `struct ext4_inode`. */
export interface ParsedInode {
  readonly number: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly links: number;
  readonly flags: number;
  /** `i_block`. */
  readonly block: Bytes;
  readonly xattrBlock: number;
  readonly xattrs: readonly Xattr[];
}

export function parseInode(bytes: Bytes, number: number, seed: number): ParsedInode {
  const v = viewOf(bytes);
  const copy = bytes.slice();
  copy.fill(0, 0x7c, 0x7e).fill(0, 0x82, 0x84);
  const checksum = v.getUint16(0x7c, true) + v.getUint16(0x82, true) * 0x1_0000;
  demand(
    checksum === crc32c(generationSeed(bytes, number, seed), copy),
    `the checksum of inode ${number} is wrong`,
  );
  const extraSize = v.getUint16(0x80, true);
  demand(extraSize === 32, `inode ${number} has ${extraSize} bytes of further fields`);
  const body = bytes.slice(128 + extraSize);
  const size = v.getUint32(0x04, true) + v.getUint32(0x6c, true) * 0x1_0000_0000;
  demand(Number.isSafeInteger(size), `inode ${number} has an impossible size`);
  return {
    number,
    mode: v.getUint16(0x00, true),
    uid: v.getUint16(0x02, true) + v.getUint16(0x78, true) * 0x1_0000,
    gid: v.getUint16(0x18, true) + v.getUint16(0x7a, true) * 0x1_0000,
    size,
    mtime: nanosecondsSince1970(v.getUint32(0x10, true), v.getUint32(0x88, true)),
    links: v.getUint16(0x1a, true),
    flags: v.getUint32(0x20, true),
    block: bytes.slice(0x28, 0x64),
    xattrBlock: v.getUint32(0x68, true),
    xattrs: body.some((byte) => byte !== 0) ? readXattrs(body, 4, 4) : [],
  };
}

/** What the checksums of an inode's blocks begin with. The kernel gives the inodes it makes a generation. */
export function generationSeed(inode: Bytes, number: number, seed: number): number {
  const generation = viewOf(inode).getUint32(0x64, true);
  return generation === 0 ? inodeSeed(seed, number) : crc32cWord(crc32cWord(seed, number), generation);
}

/** An extent as it is read: unwritten ones are zeros whatever the disk has. */
export interface ParsedExtent extends Extent {
  readonly written: boolean;
}

/** A node of an extent tree: its extents, or, above depth 0, the blocks of the nodes below. */
export interface ParsedExtents {
  readonly depth: number;
  readonly extents: readonly ParsedExtent[];
  readonly below: readonly number[];
}

/** `depth` is what the node above says, if there is one; then `seed` is that of the inode and there is a checksum. */
export function parseExtents(bytes: Bytes, above?: { depth: number; seed: number }): ParsedExtents {
  const v = viewOf(bytes);
  const entries = v.getUint16(0x02, true);
  const most = v.getUint16(0x04, true);
  const depth = v.getUint16(0x06, true);
  const tail = 12 + 12 * most;
  demand(v.getUint16(0x00, true) === 0xf30a, "an extent tree without its magic number");
  demand(
    entries <= most && tail + (above ? 4 : 0) <= bytes.length && depth <= 5,
    "an impossible extent tree",
  );
  if (above) {
    demand(
      v.getUint32(tail, true) === crc32c(above.seed, bytes, 0, tail),
      "the checksum of an extent block is wrong",
    );
    demand(depth === above.depth, "an extent tree of uneven depth");
  }
  const extents: ParsedExtent[] = [];
  const below: number[] = [];
  for (let i = 0; i < entries; i++) {
    const at = 12 + 12 * i;
    if (depth > 0) {
      below.push(v.getUint32(at + 0x04, true) + v.getUint16(at + 0x08, true) * 0x1_0000_0000);
      continue;
    }
    const length = v.getUint16(at + 0x04, true);
    const written = length <= LONGEST_EXTENT;
    extents.push({
      logical: v.getUint32(at, true),
      count: written ? length : length - LONGEST_EXTENT,
      start: v.getUint32(at + 0x08, true) + v.getUint16(at + 0x06, true) * 0x1_0000_0000,
      written,
    });
  }
  return { depth, extents, below };
}

/** Whether an inode has an extent tree; a short symbolic link has none. */
export function hasExtents(inode: ParsedInode): boolean {
  return (inode.flags & EXTENTS_FL) !== 0;
}

/** A name in a directory. */
export interface ParsedName {
  readonly name: string;
  readonly inode: number;
}

/** The names in a directory's block: leaf, index root or index node, each with its own kind of checksum. */
export function parseDirectoryBlock(
  bytes: Bytes,
  indexed: boolean,
  first: boolean,
  seed: number,
): ParsedName[] {
  const v = viewOf(bytes);
  const size = bytes.length;
  const index = indexed && (first || v.getUint16(0x04, true) === size);
  const end = index ? size : size - 12;
  if (index) checkIndex(bytes, first ? 0x20 : 0x08, seed);
  else
    demand(
      v.getUint32(size - 4, true) === crc32c(seed, bytes, 0, end),
      "the checksum of a directory block is wrong",
    );
  const names: ParsedName[] = [];
  for (let at = 0; at < end;) {
    const inode = v.getUint32(at, true);
    const length = v.getUint16(at + 0x04, true);
    const nameLength = v.getUint8(at + 0x06);
    demand(
      length >= 8 + nameLength && length % 4 === 0 && at + length <= end,
      "a directory entry beyond its block",
    );
    if (inode !== 0)
      names.push({ inode, name: decodeName(bytes.subarray(at + 0x08, at + 0x08 + nameLength)) });
    at += length;
  }
  return names;
}

export function demand(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new FilesystemError(otherwise);
}

/** The checksum behind the entries of an index, `struct dx_tail`. */
function checkIndex(bytes: Bytes, entries: number, seed: number): void {
  const v = viewOf(bytes);
  const limit = v.getUint16(entries, true);
  const count = v.getUint16(entries + 2, true);
  const tail = entries + 8 * limit;
  demand(count >= 1 && count <= limit && tail + 8 <= bytes.length, "an impossible directory index");
  const counted = crc32c(crc32c(seed, bytes, 0, entries + 8 * count), bytes, tail, tail + 4);
  demand(
    v.getUint32(tail + 4, true) === crc32cWord(counted, 0),
    "the checksum of a directory index is wrong",
  );
}

function decodeName(bytes: Bytes): string {
  const name = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  demand(name !== "" && !/[\0/\ufffd]/.test(name), `an impossible name, ${JSON.stringify(name)}`);
  return name;
}

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
