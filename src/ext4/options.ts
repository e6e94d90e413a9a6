import { FilesystemError } from "./error.ts";
import type { Identity } from "./format.ts";
import { timestamp, type Time } from "./time.ts";

export interface FilesystemOptions {
  /** Bytes of the image, exactly: 1 MiB to 64 GiB. */
  readonly size: number;
  /** Volume name, up to 16 bytes in UTF-8. Default none. */
  readonly label?: string;
  /** As "01234567-89ab-cdef-0123-456789abcdef". */
  readonly uuid: string;
  /** When the file system is made, 1970 to 2446, and the time of every entry that has none. */
  readonly time: Time;
  /** Written as a UUID. Default: the UUID. Names that collide in directories can be made to collide no more. */
  readonly hashSeed?: string;
  /** Default as in mke2fs.conf: 1,024 below 512 MiB, 4,096 from there. */
  readonly blockSize?: BlockSize;
  /** Room for so many inodes, 11 of them the file system's own. More are made where they cost nothing. */
  readonly inodes?: number;
  /**
   * If `inodes` is not given: an inode for so many bytes, at least 1,024. Default 16,384 at every size, as mke2fs.conf
   * has it from 512 MiB; its 4,096 below would take 6 % of a 20 MiB partition. Entries that need more get more, and
   * 64 beyond that for files to come.
   */
  readonly bytesPerInode?: number;
}

export type BlockSize = 1024 | 2048 | 4096;

const MIB = 1024 * 1024;
export const SMALLEST = MIB;
/** As far as tests go. */
export const LARGEST = 64 * 1024 * MIB;

/** Throws `FilesystemError` for an option that cannot be. */
export function identify({ label = "", uuid, hashSeed = uuid, time }: FilesystemOptions): Identity {
  if (typeof label !== "string" || label.includes("\0") || /\p{Surrogate}/u.test(label)) {
    throw new FilesystemError("the label is not text, or has a NUL or half a character");
  }
  const labelBytes = new TextEncoder().encode(label);
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

/** Throws `FilesystemError` unless it is a whole number of bytes in range. */
export function checkSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < SMALLEST || size > LARGEST) {
    throw new FilesystemError(
      `size ${size} is not a whole number of bytes from ${SMALLEST} (1 MiB) to ${LARGEST} (64 GiB)`,
    );
  }
}

/** The block size for an image of `size` bytes. */
export function blockSizeFor(size: number, { blockSize }: FilesystemOptions): BlockSize {
  if (blockSize === undefined) return size < 512 * MIB ? 1024 : 4096;
  if (![1024, 2048, 4096].includes(blockSize)) {
    throw new FilesystemError(`block size ${String(blockSize)} is not 1024, 2048 or 4096`);
  }
  return blockSize;
}

/** How many inodes to ask for, when `needed` will be in use. */
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
  // A density is a wish: a group has no more inodes than an inode bitmap of one block has bits.
  const blocks = Math.floor(size / blockSize);
  const perGroup = blockSize * 8; // as many as it has blocks
  const most = blocks < perGroup ? blocks : Math.floor(blocks / perGroup) * perGroup;
  return Math.max(Math.min(Math.floor(size / bytesPerInode), most), needed + 64);
}

function parseUuid(text: string, what: string): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string" || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new FilesystemError(`the ${what} ${JSON.stringify(text)} is not written as a UUID`);
  }
  const digits = text.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}
