import { execFileSync } from "node:child_process";
import { type FileHandle } from "node:fs/promises";

/** Where the contents of a file lie in a squashfs, in bytes from its start: its blocks, then what it shares with others. */
export interface Extent {
  readonly start: number;
  readonly length: number;
}

/** Reads `length` bytes at `start` of the file system. */
type At = (start: number, length: number) => Promise<Buffer>;

const SUPERBLOCK_LENGTH = 96;
const MAGIC = 0x73717368;
const ZSTD = 6;
const METADATA = 8192; // bytes in a block of metadata, unpacked
const NO_FRAGMENT = 0xffff_ffff;
const UNCOMPRESSED = 1 << 24; // in the size of a block
/** Types of inodes: `SQUASHFS_DIR_TYPE` and so on. */
const [DIRECTORY, FILE, LONG_DIRECTORY, LONG_FILE] = [1, 2, 8, 9];

/**
 * Where `path` lies in the squashfs (Zstandard, of the kernel's version 4.0; `fs/squashfs/squashfs_fs.h` has the structures) that
 * begins at `start` of a file. Throws `RangeError` when it is none, or has no such ordinary file; links are not followed.
 */
export async function extentsOf(handle: FileHandle, start: number, path: string): Promise<Extent[]> {
  const at: At = async (from, length) => {
    const bytes = Buffer.alloc(length);
    await handle.read(bytes, 0, length, start + from);
    return bytes;
  };
  const head = await at(0, SUPERBLOCK_LENGTH);
  if (head.readUInt32LE(0) !== MAGIC || head.readUInt16LE(20) !== ZSTD)
    throw new RangeError("no squashfs with Zstandard");
  const [inodes, directories, fragments] = [64, 72, 80].map((field) => Number(head.readBigUInt64LE(field)));
  const inode = async (reference: bigint) =>
    metadata(at, inodes! + Number(reference >> 16n), Number(reference & 0xffffn));

  let reference = head.readBigUInt64LE(32); // root_inode
  for (const name of path.split("/").filter(Boolean)) {
    const of = await (await inode(reference))(40);
    const isLong = of.readUInt16LE(0) === LONG_DIRECTORY;
    if (!isLong && of.readUInt16LE(0) !== DIRECTORY) throw new RangeError(`no directory above ${name}`);
    // The listing has three bytes less than it says, for "." and ".."
    const length = (isLong ? of.readUInt32LE(20) : of.readUInt16LE(24)) - 3;
    const block = directories! + of.readUInt32LE(isLong ? 24 : 16);
    const listing = await (await metadata(at, block, of.readUInt16LE(isLong ? 34 : 26)))(length);
    const found = entry(listing, name);
    if (found === undefined) throw new RangeError(`no ${name} of ${path}`);
    reference = found;
  }
  const read = await inode(reference);
  let of = await read(56);
  const isLong = of.readUInt16LE(0) === LONG_FILE;
  if (!isLong && of.readUInt16LE(0) !== FILE) throw new RangeError(`${path} is no ordinary file`);
  const [first, size, fragment, sizesAt] = isLong
    ? [Number(of.readBigUInt64LE(16)), Number(of.readBigUInt64LE(24)), of.readUInt32LE(44), 56]
    : [of.readUInt32LE(16), of.readUInt32LE(28), of.readUInt32LE(20), 32];
  const blockSize = head.readUInt32LE(12);
  const blocks = fragment === NO_FRAGMENT ? Math.ceil(size / blockSize) : Math.floor(size / blockSize);
  of = await (await inode(reference))(sizesAt + 4 * blocks);

  const extents: Extent[] = [];
  let from = first;
  for (let i = 0; i < blocks; i++) {
    const length = of.readUInt32LE(sizesAt + 4 * i) & (UNCOMPRESSED - 1);
    if (length > 0) extents.push({ start: from, length }); // a hole has none
    from += length;
  }
  if (fragment !== NO_FRAGMENT) {
    // 512 entries of 16 bytes in a block; the table lists where the blocks begin
    const block = Number((await at(fragments! + 8 * Math.floor(fragment / 512), 8)).readBigUInt64LE(0));
    const listed = await (await metadata(at, block, 16 * (fragment % 512)))(16);
    extents.push({
      start: Number(listed.readBigUInt64LE(0)),
      length: listed.readUInt32LE(8) & (UNCOMPRESSED - 1),
    });
  }
  return extents;
}

/** What gives the first bytes of the metadata from `offset` on, unpacked, in the block at `start` and those that follow. */
async function metadata(at: At, start: number, offset: number) {
  let next = start;
  let bytes = Buffer.alloc(0);
  return async (length: number): Promise<Buffer> => {
    while (bytes.length < offset + length) {
      const header = (await at(next, 2)).readUInt16LE(0);
      const packed = await at(next + 2, header & 0x7fff);
      const isPacked = (header & 0x8000) === 0;
      const block = isPacked ? execFileSync("zstd", ["-dcq"], { input: packed }) : packed;
      bytes = Buffer.concat([bytes, block]);
      next += 2 + packed.length;
      if (block.length < METADATA) break;
    }
    const wanted = Buffer.alloc(length);
    bytes.copy(wanted, 0, offset);
    return wanted;
  };
}

/** The inode of `name` in a directory's listing: headers of 12 bytes, each followed by its entries. */
function entry(listing: Buffer, name: string): bigint | undefined {
  for (let at = 0; at + 12 <= listing.length;) {
    let left = listing.readUInt32LE(at) + 1;
    const block = BigInt(listing.readUInt32LE(at + 4));
    for (at += 12; left > 0; left--) {
      const length = listing.readUInt16LE(at + 6) + 1;
      if (listing.toString("utf8", at + 8, at + 8 + length) === name)
        return (block << 16n) | BigInt(listing.readUInt16LE(at));
      at += 8 + length;
    }
  }
  return undefined;
}
