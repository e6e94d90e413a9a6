import { FilesystemError } from "./error.ts";
import type { Identity } from "./format.ts";
import { encodeText } from "./text.ts";
import { timestamp, type Time } from "./time.ts";

/** What a file system is to be. */
export interface FilesystemOptions {
  /** Bytes of the image, exactly: 1 MiB to 64 GiB. */
  readonly size: number;
  /** Volume name, up to 16 bytes in UTF-8. Default none. */
  readonly label?: string;
  /** Written as "01234567-89ab-cdef-0123-456789abcdef". */
  readonly uuid: string;
  /** When the file system is made, 1970 to 2446, and the time of every entry that has none. */
  readonly time: Time;
  /** What the hashes of names begin with, written as a UUID. Default: the UUID. Another seed gives other collisions. */
  readonly hashSeed?: string;
  /** Default as in mke2fs.conf: 1,024 below 512 MiB, 4,096 from there. */
  readonly blockSize?: BlockSize;
  /** How many inodes there are at least; 11 are the file system's own. More are made where they cost nothing. */
  readonly inodes?: number;
  /**
   * If `inodes` is not given: an inode for each so many bytes of the image, at least 1,024. Default 16,384 at every size.
   * That is mke2fs.conf's from 512 MiB on; its 4,096 below would take 6 % of a 20 MiB partition. There are always as
   * many as the entries need, and 64 more.
   */
  readonly bytesPerInode?: number;
}

/** Bytes of a block. */
export type BlockSize = 1024 | 2048 | 4096;

const MIB = 1024 * 1024;
/** Bytes of the smallest image. */
export const MIN_SIZE = MIB;
/** Bytes of the largest image that tests cover. */
export const MAX_SIZE = 64 * 1024 * MIB;

/** The identity that options describe. Throws `FilesystemError` for a label, UUID, hash seed or time that cannot be stored. */
export function identify({ label = "", uuid, hashSeed = uuid, time }: FilesystemOptions): Identity {
  const labelBytes = typeof label === "string" ? encodeText(label) : undefined;
  if (!labelBytes || labelBytes.includes(0)) {
    throw new FilesystemError("the label is not text, or has a NUL or half a character");
  }
  if (labelBytes.length > 16) {
    throw new FilesystemError(
      `the label ${JSON.stringify(label)} has ${labelBytes.length} bytes, more than 16`,
    );
  }
  const made = timestamp(time);
  if (made.seconds < 0)
    throw new FilesystemError(`the time ${time} is before 1970: a superblock cannot say that`);
  const seed = parseUuid(hashSeed, "hash seed");
  const view = new DataView(seed.buffer);
  const words = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  return { label: labelBytes, uuid: parseUuid(uuid, "UUID"), hashSeed: words, time: made };
}

/** Throws `FilesystemError` unless `size` is a whole number of bytes from `MIN_SIZE` to `MAX_SIZE`. */
export function checkSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < MIN_SIZE || size > MAX_SIZE) {
    throw new FilesystemError(
      `size ${size} is not a whole number of bytes from ${MIN_SIZE} (1 MiB) to ${MAX_SIZE} (64 GiB)`,
    );
  }
}

/** The block size in bytes for an image of `size` bytes. Throws `FilesystemError` for one that is not offered. */
export function blockSizeFor(size: number, { blockSize }: FilesystemOptions): BlockSize {
  if (blockSize === undefined) return size < 512 * MIB ? 1024 : 4096;
  if (![1024, 2048, 4096].includes(blockSize)) {
    throw new FilesystemError(`block size ${String(blockSize)} is not 1024, 2048 or 4096`);
  }
  return blockSize;
}

/**
 * How many inodes an image of `size` bytes asks for, of which `needed` will be in use. Throws `FilesystemError` for options
 * out of range, and when `inodes` is less than needed.
 */
export function inodesFor(
  size: number,
  blockSize: BlockSize,
  needed: number,
  { inodes, bytesPerInode = 16_384 }: FilesystemOptions,
): number {
  if (inodes !== undefined) {
    if (!Number.isSafeInteger(inodes) || inodes < 1)
      throw new FilesystemError(`${inodes} is not a number of inodes`);
    if (inodes < needed)
      throw new FilesystemError(`${needed} inodes are needed, more than the ${inodes} asked for`);
    return inodes;
  }
  if (!Number.isSafeInteger(bytesPerInode) || bytesPerInode < 1024) {
    throw new FilesystemError(`${bytesPerInode} bytes per inode: at least 1024, please`);
  }
  // A group has at most as many inodes as an inode bitmap of one block has bits, whatever the density asks for.
  const blocks = Math.floor(size / blockSize);
  const perGroup = blockSize * 8; // as many as it has blocks
  const max = blocks < perGroup ? blocks : Math.floor(blocks / perGroup) * perGroup;
  return Math.max(Math.min(Math.floor(size / bytesPerInode), max), needed + 64);
}

function parseUuid(text: string, what: string): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string" || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new FilesystemError(`the ${what} ${JSON.stringify(text)} is not written as a UUID`);
  }
  const digits = text.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}
