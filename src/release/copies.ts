import type { Bytes } from "../bytes/segment.ts";

// Which parts of a base image are in an older one too: a list of copies, as VCDIFF's COPY (RFC 3284), for whoever has the
// older one. It lies beside the image and is gzip of this, where a varint is LEB128 of at most 35 bits:
//
//   "os copies 1\n"   varint: bytes of the newer image   varint: bytes of the older one   varint: how many copies
//   for each copy, from the front:
//     varint   how many bytes after the end of the one before it begins
//     varint   zigzag: how many bytes its source begins after the end of that one's
//     varint   its length, at least 1
//
// Nobody signs it and nobody needs to: what is put together from copies has to have the signed digests.

/** Bytes that are in an older image too, at another place perhaps. */
export interface Copy {
  /** Where in the newer image, in bytes. */
  readonly start: number;
  /** Where in the older one. */
  readonly from: number;
  readonly length: number;
}

/** A run of bytes. */
export interface Range {
  readonly start: number;
  readonly length: number;
}

/**
 * Copies in a row that come to less than this are of no use: what lies around them is fetched in one request with them.
 * On a line of 10 MB/s these bytes take 6 ms, and a request takes longer.
 */
export const LEAST_COPIED = 64 * 1024;

/** The most copies that a list may have. A kiosk base of 588 MB has about 2,000. */
export const MOST_COPIES = 65_536;

/** The most bytes that a list may have, packed or not: so many are enough for `MOST_COPIES`. */
export const LARGEST_COPIES = 15 * MOST_COPIES + 64;

const MAGIC = new TextEncoder().encode("os copies 1\n");

/** The longest varint in bytes: of 35 bits, for differences of places below 4 GiB and a sign. */
const LONGEST_VARINT = 5;

/** What a list of copies from the image with this SHA-256 is called, beside the image that it is for. */
export function copiesName(sha256: string): string {
  return `from-${sha256.slice(0, 12)}.copies`;
}

/** The sizes of the two images that a list of copies is about, in bytes. */
export interface CopySizes {
  readonly size: number;
  readonly olderSize: number;
}

/** A list of copies, which begin in order and do not overlap, before it is packed. Throws `RangeError` for others. */
export function formatCopies(copies: readonly Copy[], { size, olderSize }: CopySizes): Bytes {
  const bytes: number[] = [...MAGIC];
  const put = (value: number) => {
    for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
    bytes.push(value);
  };
  for (const value of [size, olderSize, copies.length]) put(value);
  let end = 0;
  let fromEnd = 0;
  for (const { start, from, length } of copies) {
    const moved = from - fromEnd;
    if (start < end || from < 0 || length < 1) throw new RangeError(`a copy of ${length} bytes to ${start}`);
    put(start - end);
    put(moved < 0 ? -2 * moved - 1 : 2 * moved);
    put(length);
    end = start + length;
    fromEnd = from + length;
  }
  return new Uint8Array(bytes);
}

/**
 * The copies in an unpacked list. Throws `RangeError` for one that is not for images of these sizes, or has copies that
 * overlap or do not lie in the images.
 */
export function parseCopies(bytes: Bytes, { size, olderSize }: CopySizes): Copy[] {
  const wrong = (what: string) => new RangeError(`the list of copies is wrong: ${what}`);
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) throw wrong("it does not begin like one");
  let at = MAGIC.length;
  const varint = () => {
    let value = 0;
    for (let i = 0, unit = 1; i < LONGEST_VARINT; i++, unit *= 0x80) {
      const byte = bytes[at++];
      if (byte === undefined) throw wrong("it is cut off");
      value += (byte & 0x7f) * unit; // no shifts: those end at 32 bits
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) throw wrong("a number has zeros in front");
      return value;
    }
    throw wrong("a number is too long");
  };
  const sizes = [varint(), varint()];
  if (sizes[0] !== size || sizes[1] !== olderSize)
    throw wrong(`it is for images of ${sizes.join(" and ")} bytes`);
  const count = varint();
  if (count > MOST_COPIES) throw wrong(`it has ${count} copies, and ${MOST_COPIES} are the most`);
  const copies: Copy[] = [];
  let end = 0;
  let fromEnd = 0;
  for (let i = 0; i < count; i++) {
    const start = end + varint();
    const moved = varint();
    const from = fromEnd + (moved % 2 === 0 ? moved / 2 : -(moved + 1) / 2);
    const length = varint();
    end = start + length;
    fromEnd = from + length;
    if (length < 1 || end > size) throw wrong(`${length} bytes at ${start} are not in an image of ${size}`);
    if (from < 0 || fromEnd > olderSize)
      throw wrong(`${length} bytes at ${from} are not in one of ${olderSize}`);
    copies.push({ start, from, length });
  }
  if (at !== bytes.length) throw wrong(`${bytes.length - at} bytes follow it`);
  return copies;
}

/** The parts of `copies` whose source lies in `ranges` of the older image, which are in order and do not overlap. */
export function copiesWithin(copies: readonly Copy[], ranges: readonly Range[]): Copy[] {
  return copies.flatMap(({ start, from, length }) =>
    ranges.flatMap((range) => {
      const first = Math.max(from, range.start);
      const end = Math.min(from + length, range.start + range.length);
      return first < end ? [{ start: start + first - from, from: first, length: end - first }] : [];
    }),
  );
}

/** `copies` without those that are in a row of less than `least` bytes, with nothing copied right before and after. */
export function usefulCopies(copies: readonly Copy[], least = LEAST_COPIED): Copy[] {
  const useful: Copy[] = [];
  let row: Copy[] = [];
  const endRow = () => {
    if (row.reduce((sum, { length }) => sum + length, 0) >= least) useful.push(...row);
    row = [];
  };
  for (const copy of copies) {
    const before = row.at(-1);
    if (before && before.start + before.length !== copy.start) endRow();
    row.push(copy);
  }
  endRow();
  return useful;
}

/** How many of the bytes `range` are copied. */
export function copiedIn(copies: readonly Copy[], { start, length }: Range): number {
  return copies.reduce((sum, copy) => {
    const common = Math.min(copy.start + copy.length, start + length) - Math.max(copy.start, start);
    return sum + Math.max(0, common);
  }, 0);
}
